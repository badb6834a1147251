"""The one list of what a logic may use. Everything that is not named here does not exist for a logic.

The policy refuses other names at upload, the runtime holds no object for them, and the docs page is
generated from these tables. A test keeps the tables and the runtime equal, so nothing can be offered
without being listed here.
"""

from collections.abc import Mapping
from types import MappingProxyType


def _table(text: str) -> Mapping[str, str]:
    """A read-only table from lines of the form ``name  what it does``."""
    pairs = (line.split(None, 1) for line in text.strip().splitlines())
    return MappingProxyType({name: what.strip() for name, what in pairs})


#: Functions and types that are there without an import.
NAMES = _table("""
    abs           size of a number, without its sign
    all           whether all items are true
    any           whether one item is true
    ascii         value as Python source, with ASCII characters only
    bin           whole number as binary text
    bool          true or false of a value
    bytes         bytes of whole numbers from 0 to 255, of a text and its encoding, or so many zeros
    callable      whether a value is a function or a type
    cancel_timer  cancels a timer of the machine, if it is set
    chr           character of a code point
    clear_alarm   clears an alarm of the machine, if it is active
    dict          dict from a dict, pairs or keywords
    divmod        quotient and remainder
    enumerate     items with their numbers
    filter        items for which a function is true
    float         number with a fraction, from a number or text
    format        value as text, by a format such as '.2f'
    hex           whole number as hexadecimal text
    int           whole number, from a number or text
    isinstance    whether a value is an instance of a type
    iter          iterator over items
    len           number of items
    list          list of items
    map           result of a function for each item
    max           greatest item
    min           least item
    next          next item of an iterator
    oct           whole number as octal text
    ord           code point of a character
    pow           power, with a third value modulo that one
    raise_alarm   raises an alarm of the machine, by its name, severity, message and details
    range         whole numbers from a start to an end, in steps
    repr          value as Python source
    reversed      items in reverse order
    round         number rounded to digits
    set           set of items
    set_timer     sets a timer of the machine, by its name, and seconds, minutes, hours or at
    sorted        sorted list, with key and reverse
    str           value as text
    sum           sum of items
    tuple         tuple of items
    type          type of a value, to compare with int, str, dict and so on
    zip           items of several lists, side by side
""")

#: Values that are there without an import.
VALUES = _table("""
    config  the machine's own settings, set over REST: a dict that is read-only, as its lists and dicts are
    meta    about the reading: `received` (its time), `number`, `topic`, `message_id` and `late`; read-only
""")

#: Values whose name no logic may set. The others were offered later, and older logics may use their names.
NEVER_SET = frozenset({"config"})

#: Exceptions, to raise and to name after `except`.
EXCEPTIONS = _table("""
    ArithmeticError      a computation failed
    AssertionError       an `assert` failed
    AttributeError       a value has no such method
    Exception            any error except an exceeded limit
    IndexError           index out of range
    KeyError             no such key in a dict
    LookupError          no such key or index
    NotImplementedError  not implemented yet
    OverflowError        number too large for the computation
    RuntimeError         any other error
    StopIteration        an iterator has no further item
    TypeError            value of the wrong type
    UnicodeDecodeError   bytes are no text of the encoding; a ValueError
    UnicodeEncodeError   a text has characters that the encoding does not have; a ValueError
    ValueError           invalid value
    ZeroDivisionError    division by zero
""")

_TEXT = _table("""
    capitalize    first letter uppercase, others lowercase
    casefold      lowercase, for comparisons
    center        padded to a width, centred
    count         how often a text occurs
    encode        its bytes, in utf-8, ascii or latin-1; errors can be strict, replace or ignore
    endswith      whether it ends with a text
    find          index of the first occurrence, or -1
    format        text with {}, {name}, {name[key]} filled in; no attributes inside the braces
    index         index of the first occurrence, or ValueError
    isalnum       whether it has only letters and digits
    isalpha       whether it has only letters
    isascii       whether it has only ASCII characters
    isdecimal     whether it has only decimal digits
    isdigit       whether it has only digits
    islower       whether its letters are lowercase
    isnumeric     whether it has only numeric characters
    isspace       whether it has only white space
    istitle       whether Each Word Is Capitalised
    isupper       whether its letters are uppercase
    join          items joined by this text
    ljust         padded to a width, left-aligned
    lower         lowercase
    lstrip        without white space at the left
    partition     before, separator, after (first)
    removeprefix  without this prefix
    removesuffix  without this suffix
    replace       one text replaced by another
    rfind         index of the last occurrence, or -1
    rindex        index of the last occurrence, or ValueError
    rjust         padded to a width, right-aligned
    rpartition    before, separator, after (last)
    rsplit        parts, split from the right
    rstrip        without white space at the right
    split         parts between separators
    splitlines    its lines
    startswith    whether it begins with a text
    strip         without white space at both ends
    swapcase      uppercase and lowercase swapped
    title         Each Word Capitalised
    upper         uppercase
    zfill         padded with zeros to a width
""")
_BYTES = _table("""
    count         how often a byte or bytes occur
    decode        text of it, in utf-8, ascii or latin-1; errors can be strict, replace or ignore
    endswith      whether it ends with bytes
    find          index of the first occurrence, or -1
    hex           text with two hexadecimal digits a byte, perhaps with a separator
    index         index of the first occurrence, or ValueError
    isascii       whether it has only ASCII characters
    isdigit       whether it has only ASCII digits
    join          items joined by these bytes
    lower         ASCII letters in lowercase
    lstrip        without white space, or other bytes, at the left
    partition     before, separator, after (first)
    removeprefix  without this prefix
    removesuffix  without this suffix
    replace       some bytes replaced by others
    rfind         index of the last occurrence, or -1
    rindex        index of the last occurrence, or ValueError
    rpartition    before, separator, after (last)
    rsplit        parts, split from the right
    rstrip        without white space, or other bytes, at the right
    split         parts between separators
    splitlines    its lines
    startswith    whether it begins with bytes
    strip         without white space, or other bytes, at both ends
    upper         ASCII letters in uppercase
""")
_LIST = _table("""
    append   adds an item at the end
    clear    removes all items
    copy     a shallow copy
    count    how often an item occurs
    extend   adds several items at the end
    index    index of an item, or ValueError
    insert   adds an item at an index
    pop      removes and returns the item at an index, by default the last
    remove   removes the first such item
    reverse  reverses the order
    sort     sorts in place, with key and reverse
""")
_DICT = _table("""
    clear       removes all entries
    copy        a shallow copy
    get         value of a key, or a default
    items       pairs of key and value
    keys        the keys
    pop         removes a key and returns its value
    popitem     removes and returns the last pair
    setdefault  value of a key, set to a default if missing
    update      sets several entries
    values      the values
""")
_SET = _table("""
    add                          adds an item
    clear                        removes all items
    copy                         a copy
    difference                   items that are not in the other
    difference_update            removes the items of the other
    discard                      removes an item, if present
    intersection                 items that are in both
    intersection_update          keeps only the items of the other
    isdisjoint                   whether they share no item
    issubset                     whether all its items are in the other
    issuperset                   whether it has all items of the other
    pop                          removes and returns the first item
    remove                       removes an item, or KeyError
    symmetric_difference         items that are in only one of the two
    symmetric_difference_update  keeps the items that are in only one of the two
    union                        items of both
    update                       adds several items
""")
_DEQUE = _table("""
    append      adds an item at the right
    appendleft  adds an item at the left
    clear       removes all items
    copy        a shallow copy
    count       how often an item occurs
    extend      adds several items at the right
    extendleft  adds several items at the left, one after the other
    index       index of an item, or ValueError
    insert      adds an item at an index
    maxlen      the most items that it keeps, or None
    pop         removes and returns the last item
    popleft     removes and returns the first item
    remove      removes the first such item
    reverse     reverses the order
    rotate      moves items from the right end to the left
""")
_COUNTER = MappingProxyType(
    {
        **_DICT,
        **_table("""
            copy         a copy
            elements     each key as often as it was counted
            most_common  pairs of key and count, the greatest counts first
            subtract     counts items down, or subtracts counts
            total        sum of the counts
            update       counts items, or adds counts
        """),
    }
)
_TUPLE = _table("""
    count  how often an item occurs
    index  index of an item, or ValueError
""")
_PATTERN = _table("""
    findall    all matches: their texts, or their groups
    finditer   all matches, one after the other
    fullmatch  match of the whole text, or None
    match      match at the begin of the text, or None
    pattern    its text
    search     first match, or None
    split      parts between the matches
    sub        text with the matches replaced, by a text or a function
    subn       the same, and how many were replaced
""")
_MATCH = _table("""
    end        end of the match, or of a group
    group      text of the match, or of a group by its number or name
    groupdict  texts of the groups with a name
    groups     texts of all groups
    span       start and end
    start      start of the match, or of a group
""")
_INT = _table("""
    bit_count   number of ones in binary
    bit_length  number of binary digits
    is_integer  always true
    to_bytes    so many bytes, with the order 'big' or 'little', and signed=True for negative ones
""")
_FLOAT = _table("""
    is_integer  whether it has no fraction
""")
_DATE = _table("""
    ctime       text such as 'Thu Mar 12 00:00:00 2026'
    day         day of the month
    isocalendar year, week and weekday of ISO 8601
    isoformat   text of ISO 8601
    isoweekday  1 for Monday to 7 for Sunday
    month       1 to 12
    replace     with other fields
    strftime    text by a format such as '%Y-%m-%d'
    toordinal   days since year 1
    weekday     0 for Monday to 6 for Sunday
    year        year
""")
_TIME = _table("""
    dst          summer time in addition to the standard time, a timedelta or None
    fold         1 for the second of two equal times, when the clock is set back, else 0
    hour         0 to 23
    isoformat    text of ISO 8601
    microsecond  0 to 999,999
    minute       0 to 59
    replace      with other fields
    second       0 to 59
    strftime     text by a format such as '%H:%M'
    tzinfo       time zone or None
    tzname       name of the time zone at this time, such as 'CEST', or None
    utcoffset    offset from UTC, a timedelta or None
""")
_DATETIME = MappingProxyType(
    {
        **_DATE,
        **_TIME,
        **_table("""
            astimezone  the same moment in another time zone
            date        its date
            time        its time of day
            timestamp   seconds since 1970 in UTC; needs a time zone
        """),
    }
)
_TIMEDELTA = _table("""
    days           whole days
    microseconds   remaining microseconds
    seconds        remaining seconds, 0 to 86,399
    total_seconds  the whole span in seconds
""")
_TIMEZONE = _table("""
    utcoffset  offset from UTC for a datetime
""")
_ZONEINFO = _table("""
    key  its name, such as 'Europe/Berlin'
""")
_ERROR = _table("""
    args  the arguments of the error
""")

#: Methods and attributes of values, by the name of their type.
METHODS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "str": _TEXT,
        "bytes": _BYTES,
        "list": _LIST,
        "dict": _DICT,
        "set": _SET,
        "deque": _DEQUE,
        "Counter": _COUNTER,
        "defaultdict": _DICT,
        "tuple": _TUPLE,
        "Pattern": _PATTERN,
        "Match": _MATCH,
        "int": _INT,
        "float": _FLOAT,
        "datetime": _DATETIME,
        "date": _DATE,
        "time": _TIME,
        "timedelta": _TIMEDELTA,
        "timezone": _TIMEZONE,
        "ZoneInfo": _ZONEINFO,
        "Exception": _ERROR,
    }
)

#: What is called on a type itself, such as `datetime.fromisoformat`, by the name of the type.
TYPE_METHODS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "dict": _table("""
            fromkeys  dict of keys with one value
        """),
        "chain": _table("""
            from_iterable  items of the lists that an iterator gives, one list after the other
        """),
        "bytes": _table("""
            fromhex  bytes of a text with two hexadecimal digits a byte
        """),
        "int": _table("""
            from_bytes  whole number of bytes, with the order 'big' or 'little', and signed=True
        """),
        "datetime": _table("""
            combine        date and time of day together
            fromisoformat  from a text of ISO 8601
            fromtimestamp  from seconds since 1970 and a time zone, e.g. timezone.utc
            strptime       from a text by a format such as '%d.%m.%Y %H:%M'
        """),
        "date": _table("""
            fromisoformat  from a text of ISO 8601
            fromordinal    from days since year 1
        """),
        "time": _table("""
            fromisoformat  from a text of ISO 8601
        """),
        "timezone": _table("""
            utc  Coordinated Universal Time
        """),
    }
)

#: Modules to import, and what is in them.
MODULES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "math": _table("""
            acos       arc cosine
            acosh      inverse hyperbolic cosine
            asin       arc sine
            asinh      inverse hyperbolic sine
            atan       arc tangent
            atan2      arc tangent of y/x, with the quadrant
            atanh      inverse hyperbolic tangent
            cbrt       cube root
            ceil       rounded up
            comb       ways to choose k of n
            copysign   size of one, sign of the other
            cos        cosine
            cosh       hyperbolic cosine
            degrees    radians to degrees
            dist       distance of two points
            e          2.718…
            erf        error function
            erfc       1 - erf
            exp        e to the power
            exp2       2 to the power
            expm1      exp(x) - 1, exact near 0
            fabs       size, as float
            factorial  1·2·3…n
            floor      rounded down
            fmod       remainder with the sign of x
            frexp      mantissa and exponent
            fsum       exact sum of floats
            gamma      gamma function
            gcd        greatest common divisor
            hypot      length of a vector
            inf        infinity (cannot leave the logic)
            isclose    whether nearly equal
            isfinite   whether neither infinite nor NaN
            isinf      whether infinite
            isnan      whether NaN
            isqrt      whole square root
            lcm        least common multiple
            ldexp      x · 2**i
            lgamma     logarithm of gamma
            log        logarithm, natural or to a base
            log10      logarithm to base 10
            log1p      log(1 + x), exact near 0
            log2       logarithm to base 2
            modf       fraction and whole part
            nan        not a number (cannot leave the logic)
            perm       ordered ways to choose k of n
            pi         3.14159…
            pow        power, as float
            prod       product of items
            radians    degrees to radians
            remainder  remainder of IEEE 754
            sin        sine
            sinh       hyperbolic sine
            sqrt       square root
            tan        tangent
            tanh       hyperbolic tangent
            tau        2·pi
            trunc      whole part, without the fraction
        """),
        "statistics": _table("""
            StatisticsError    raised if there are too few values
            correlation        Pearson's correlation of two lists
            covariance         sample covariance of two lists
            fmean              mean as float, optionally weighted
            geometric_mean     geometric mean
            harmonic_mean      harmonic mean
            linear_regression  slope and intercept, as a pair
            mean               mean
            median             middle value
            median_high        upper middle value
            median_low         lower middle value
            mode               most frequent value
            multimode          all most frequent values
            pstdev             standard deviation of a whole population
            pvariance          variance of a whole population
            quantiles          cut points of n equal parts
            stdev              standard deviation of a sample
            variance           variance of a sample
        """),
        "json": _table("""
            JSONDecodeError  raised by loads if the text is not JSON; a ValueError
            dumps            value to JSON text
            loads            JSON text to value
        """),
        "datetime": _table("""
            date       date
            datetime   date and time
            time       time of day
            timedelta  span of time
            timezone   fixed offset from UTC
        """),
        "zoneinfo": _table("""
            ZoneInfo               time zone by its name, such as 'Europe/Berlin', with its summer time
            ZoneInfoNotFoundError  raised if there is no time zone of this name; a KeyError
        """),
        "collections": _table("""
            Counter      dict that counts items; a missing key has 0
            defaultdict  dict that makes the value of a missing key, with list, int or another function
            deque        list that is fast at both ends; with maxlen, it keeps the last items
        """),
        "itertools": _table("""
            accumulate                     running results: sums, or of a function of two values
            chain                          items of several lists, one list after the other
            combinations                   choices of r items, in their order
            combinations_with_replacement  the same, with items several times
            compress                       items whose selector is true
            count                          numbers from a start, without an end
            cycle                          items over and over, without an end
            dropwhile                      items from the first for which a function is false
            filterfalse                    items for which a function is false
            groupby                        groups of neighbours with the same key, each with its items
            islice                         items from a start to an end, in steps
            pairwise                       pairs of neighbours
            permutations                   orders of r items
            product                        rows with an item of each list, in all ways
            repeat                         a value over and over, or so many times
            starmap                        result of a function for each row of arguments
            takewhile                      items before the first for which a function is false
            zip_longest                    items of several lists, side by side, up to the longest
        """),
        "functools": _table("""
            reduce  one value of all items, by a function of two values
        """),
        "bisect": _table("""
            bisect        place of a value in a sorted list, after equal items
            bisect_left   place of a value in a sorted list, before equal items
            bisect_right  place of a value in a sorted list, after equal items
            insort        inserts a value into a sorted list, after equal items
            insort_left   inserts a value into a sorted list, before equal items
            insort_right  inserts a value into a sorted list, after equal items
        """),
        "re": _table("""
            A           flag: the same as ASCII
            ASCII       flag: letters, digits and blanks are those of ASCII; always in force
            DOTALL      flag: a dot also matches the end of a line
            I           flag: the same as IGNORECASE
            IGNORECASE  flag: uppercase and lowercase are equal
            M           flag: the same as MULTILINE
            MULTILINE   flag: ^ and $ also match at the begin and end of each line
            S           flag: the same as DOTALL
            compile     a pattern to use several times
            error       raised if a pattern is not valid
            escape      pattern that matches a text literally
            findall     all matches: their texts, or their groups
            finditer    all matches, one after the other
            fullmatch   match of the whole text, or None
            match       match at the begin of the text, or None
            search      first match, or None
            split       parts between the matches
            sub         text with the matches replaced, by a text or a function
            subn        the same, and how many were replaced
        """),
        "struct": _table("""
            calcsize     number of bytes of a format
            error        raised if values, bytes and format do not fit
            iter_unpack  a tuple for each part of the bytes
            pack         bytes of values, by a format such as '<hHf'; begin it with < or >
            unpack       values of bytes, as a tuple
            unpack_from  values of bytes from an offset, as a tuple
        """),
        "base64": _table("""
            b16decode           bytes of a hexadecimal text
            b16encode           hexadecimal text of bytes, as bytes
            b64decode           bytes of Base64, from a text or bytes
            b64encode           Base64 of bytes, as bytes
            standard_b64decode  bytes of Base64 with + and /
            standard_b64encode  Base64 with + and /, as bytes
            urlsafe_b64decode   bytes of Base64 with - and _
            urlsafe_b64encode   Base64 with - and _, as bytes
        """),
        "binascii": _table("""
            Error      raised if a text is not Base64 or hexadecimal; a ValueError
            crc32      checksum CRC-32
            crc_hqx    checksum CRC-16 with the polynomial 0x1021, from a start value (CRC-CCITT, XMODEM)
            hexlify    hexadecimal text of bytes, as bytes
            unhexlify  bytes of a hexadecimal text
        """),
        "zlib": _table("""
            adler32  checksum Adler-32
            crc32    checksum CRC-32
        """),
    }
)

#: What people look for and a logic does not have, with the reason.
UNAVAILABLE: Mapping[str, str] = MappingProxyType(
    {
        "`class`, decorators, `with`, `async`": (
            "A value of a class could run code inside every operation, so no operation would have a known "
            "cost. Use functions and dicts."
        ),
        "`global`": (
            "Nothing but `state` is kept from one reading to the next. Write `state['count'] += 1`."
        ),
        "bare `except:` and `BaseException`": (
            "They would also catch the error that ends a logic at a limit. Write `except Exception:`."
        ),
        "`return`, `break` or `continue` that leaves `finally`": (
            "It would hide the error that ends a logic at a limit."
        ),
        "the clock: `now`, `today`, `time`": (
            'A replay must give the same results. Take `meta["received"]`, or the time in the reading.'
        ),
        "`random`, `uuid`": "A replay must give the same results.",
        "`hash`, `id`": "They differ from process to process, so a replay would give other results.",
        "`print`, `logging`": "A logic has no output except its results. Return what you want to see.",
        "files, network, processes: `open`, `os`, `sys`, `requests`": (
            "A logic has only its reading, its state, its config and its meta."
        ),
        "`getattr`, `hasattr`, `vars`, `dir`, `eval`, `exec`, `globals`, names with two underscores": (
            "They reach the inside of Python, which is not part of the sandbox. Use a dict and `key in data`."
        ),
        "`object`": "It has no use without classes.",
        "in patterns of `re`: references such as `\\1`, and `(?=…)`, `(?!…)`, `(?<=…)`, `(?<!…)`": (
            "A short one can take hours. The engine here, RE2, takes time only in proportion to the text. "
            "Match more, take a group of it, and compare groups with `==`."
        ),
        "`re.VERBOSE`, `(?x)`, `a++`, patterns of bytes, positions in `search`, `expand` of a match": (
            "RE2 does not have them, or they are not checked and priced yet. Decode bytes first."
        ),
        "`flags` and `groups` of a pattern, `string` and `lastindex` of a match, codes such as `\\101`": (
            "They are not checked and priced yet. Keep the text in a variable, and write `\\x41`."
        ),
        "in `findall`, `split` and `sub`: an empty match and a longer one at the same place": (
            "Python looks for both, and RE2 only for the first: `re.findall('a*?', 'aa')` gives three empty "
            "texts here, and `['', 'a', '', 'a', '']` in Python. Write patterns that match no empty text, "
            "such as `a+?`."
        ),
        "an empty last part for a group in a repetition, such as `(a*)*`; `\\B` in an empty text": (
            "The group has the last part that is not empty here, and an empty text in Python. Write `(a*)`. "
            "`\\B` matches an empty text here, as it does from Python 3.14 on."
        ),
        "a search for hundreds of matches in one long text": (
            "Each search pays for all of the text that is left, because the engine may read it to its end. "
            "Split the text into lines or fields first, and search each of them. For one kind of character, "
            "such as `[;,]` or `\\s+`, the whole text is paid for once."
        ),
        "letters and digits of other scripts for `\\w`, `\\d`, `\\b`; `$` before a line end at the end": (
            "In RE2 these classes are those of ASCII, and `$` matches only at the very end. Write `\\n?$`. "
            "With IGNORECASE, all letters are equal as in Python, except the Turkish `ı` and `I`."
        ),
        "patterns of more than 500 characters, 50 groups, or 1,000 repetitions of a part": (
            "A compiled pattern takes memory. Use several patterns."
        ),
        "`bytearray`, `memoryview`": (
            "They can be changed while others read them. Append to a list of numbers, and write "
            "`bytes(items)`."
        ),
        "bytes in results and in the state": (
            "JSON has none. Write `.hex()`, `list(…)` or `base64.b64encode(…).decode()`."
        ),
        "formats of `struct` without a byte order, and `@`, `n`, `N`, `P` and `0p` in them": (
            "The host would decide their sizes and gaps. Write `<` or `>` first, such as `'<hH'`. For `0p`, "
            "Python writes a byte beyond the end."
        ),
        "`struct.Struct` and `pack_into`, Base32 and Base85 of `base64`, `zlib.decompress`": (
            "They are not checked and priced yet, or need a `bytearray`."
        ),
        "encodings other than utf-8, ascii and latin-1": (
            "Python reads them from files. Replace the characters, such as `.replace(b'\\x80', b'EUR')`."
        ),
        "`%` of bytes, and their methods for words and widths, such as `title` and `ljust`": (
            "They are not checked and priced yet. Format a text, and write `.encode()`."
        ),
        "`hashlib`, `hmac`": (
            "They are not checked and priced yet. Use `binascii.crc32` to find damaged data."
        ),
        "`namedtuple`, `OrderedDict` and `ChainMap` of `collections`": (
            "The first makes a class. A dict keeps its order, and `{**defaults, **own}` joins two."
        ),
        "`+x` and `-x` of a Counter, and its `^`; `default_factory` of a defaultdict": (
            "They are not checked and priced yet. Write a comprehension."
        ),
        "the text of a match, a pattern, an iterator or a function, such as `str(match)`": (
            "It only names the kind, such as `<Match>`, because Python shows an address. Write "
            "`match.group()`, `pattern.pattern` or `list(…)`."
        ),
        "deques, Counters and defaultdicts in tables": (
            "They could be changed. Code that makes one outside of functions runs for every reading."
        ),
        "`tee` and `batched` of `itertools`": (
            "The first keeps any number of items, and the second is new in Python 3.12. Use slices of a list."
        ),
        "`partial`, `cmp_to_key`, `lru_cache` and others of `functools`": (
            "Nothing but `state` is kept from one reading to the next. Write a lambda, or a key function."
        ),
        "more than 100 columns of `product`, `combinations`, `permutations` and `zip_longest`": (
            "Each row would be as long. Use loops."
        ),
        "`copy`": "Write `dict(x)` or `list(x)`, and `json.loads(json.dumps(x))` for a deep copy.",
        "other modules of Python: `decimal`, `fractions`, `enum`, `dataclasses`, `operator`, `calendar`": (
            "They have classes, or functions without a known cost. Use float and `round`, dicts and "
            "functions."
        ),
        "`numpy`, `pandas` and other packages": (
            "Only what this page names is in the sandbox. Use lists and `statistics`."
        ),
        "`available_timezones`, `from_file` and `no_cache` of `zoneinfo`; `pytz`, `dateutil`": (
            "All time zones are loaded before the logic runs. Write `ZoneInfo('Europe/Berlin')`."
        ),
        "complex numbers, `cmath`": "JSON has none.",
        "`float.hex`, `as_integer_ratio`, `str.translate`, `maketrans`, `expandtabs`, `slice`": (
            "They are not checked and priced yet. Use `replace` and `items[1:3]`."
        ),
        "`frozenset`": "It is not checked and priced yet. Use a set, or a tuple as a key.",
        "`issubclass`": "It has no use without classes. Use `isinstance`.",
        "errors such as `OSError`, `ImportError`, `NameError` and `RecursionError`": (
            "A logic cannot cause them, or they end the reading. Write one of the errors above."
        ),
        "`.msg` and `.pos` of a `JSONDecodeError`": "An error has only `args` here. `str(error)` has both.",
        "other options of `json.loads` and `json.dumps`, such as `object_hook` and `skipkeys`": (
            "They are not checked and priced yet. Change the values before or after the call."
        ),
        "the time zone of the host: `timestamp`, `astimezone` and `fromtimestamp` without a time zone": (
            "The same readings would give other results on another host. Write `timezone.utc` or "
            "`ZoneInfo('Europe/Berlin')`."
        ),
        "`datetime.UTC`, and `min`, `max`, `timetuple`, `timetz` and `fromisocalendar` of dates": (
            "They are not checked and priced yet. Write `timezone.utc`, `strftime('%j')` and `isocalendar()`."
        ),
        "`NormalDist`, `median_grouped` and `kde` of `statistics`": "They are not checked and priced yet.",
        "`.week`, `.year` and `.weekday` of `isocalendar()`": (
            "Its result is a plain tuple here. Write `t.isocalendar()[1]`."
        ),
        "defaults of parameters that call a function, and lambdas as defaults": (
            "A default that can change is made again for each call, so it must be constant. Write None, and "
            "make the value in the function."
        ),
        "a star inside a nested target, and a slice among several targets: `(a, *b), c = …`": (
            "They copy items without a guard. Write a line of its own."
        ),
        "`@`, and `...` as a value": "There are no matrices here. Write loops, and None.",
        "a function with more than 50 parameters": (
            "Python compares each keyword of a call with each parameter. Pass a dict or a list."
        ),
        "whole numbers of more than 1,024 bits": (
            "Arithmetic on longer numbers is slow. `float` goes to 1e308."
        ),
        "NaN and infinity in results, in the state and in `json.dumps`": (
            "JSON has none. Use None for a missing value."
        ),
        "dates and sets in results and in the state": ("JSON has none. Write `.isoformat()` or `sorted(…)`."),
        "keys that are no text in results and in the state": "JSON has none. Write `str(key)`.",
        "results that are no dict": ("A result is a JSON object. Write `{'value': …}`, or a list of dicts."),
        "changes of `config` and of tables": (
            "They belong to the machine, or to all machines of a logic. `dict(…)` and `list(…)` make copies."
        ),
        "generators and other iterators in tables, results and the state": (
            "They would run code in a later reading. Write `list(…)`."
        ),
        "`yield` in `process`, in a lambda, and in a `try` with `finally`": (
            "The `finally` could run in a later reading. Let `process` return a list of dicts."
        ),
        "attributes in patterns of `match` and in fields of `str.format`: `case date(year=y)`, `{0.x}`": (
            "They would look up any attribute. Write `case date() as d`, and `{0[x]}` or an f-string."
        ),
        "`0 < x in items` in the source of a comprehension": (
            "Python has no place there for a value that is kept. Join two comparisons with `and`."
        ),
    }
)

#: Attributes that are known by name, whatever the value: what the policy lets through at upload.
ATTRIBUTES = frozenset(name for table in (*METHODS.values(), *TYPE_METHODS.values()) for name in table)

#: Modules of types, which a logic may import for its annotations. Nothing in them can be used otherwise.
TYPING = frozenset(("typing", "typing_extensions", "collections.abc"))
