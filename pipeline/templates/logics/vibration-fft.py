"""Vibration FFT

Computes the spectrum of vibration samples (16 bits with a sign, the low byte first) with an FFT:
RMS, peak, and the strongest frequencies.
"""

import math
import struct

# Samples in a second, and the size of one step of a sample in g. If the sensor of a machine has others, set
# `rate` and `scale` in the config of the machine.
RATE = 1600
SCALE = 1 / 4096

# The number of samples must be a power of two. 1,024 samples take about three quarters of the
# fuel of a reading. For more, set more fuel in the settings of the machine.
FEWEST, MOST = 16, 4096

# The strongest frequencies: at most so many, and only those with at least this part of the greatest
# amplitude.
COUNT, LEAST = 3, 0.05


def fft(re, im):
    """Replace the samples, as real and imaginary parts, by their spectrum."""
    size = len(re)
    # Sort the samples by their index with its bits reversed.
    other = 0
    for index in range(1, size):
        bit = size >> 1
        while other & bit:
            other ^= bit
            bit >>= 1
        other |= bit
        if index < other:
            re[index], re[other] = re[other], re[index]
            im[index], im[other] = im[other], im[index]
    # Join spectra of 1, 2, 4 ... samples to spectra of twice the size.
    half = 1
    while half < size:
        for k in range(half):
            c, s = math.cos(math.pi * k / half), -math.sin(math.pi * k / half)
            for a in range(k, size, 2 * half):
                b = a + half
                x = c * re[b] - s * im[b]
                y = c * im[b] + s * re[b]
                re[b] = re[a] - x
                im[b] = im[a] - y
                re[a] += x
                im[a] += y
        half *= 2


def process(data, state):
    size = len(data) // 2
    if len(data) % 2 or not FEWEST <= size <= MOST or size & (size - 1):
        raise ValueError(
            f"the reading has {len(data)} bytes; it must have 2 for each sample, and the number of "
            f"samples must be a power of two from {FEWEST} to {MOST}"
        )
    rate, scale = config.get("rate", RATE), config.get("scale", SCALE)
    samples = [sample * scale for sample in struct.unpack(f"<{size}h", data)]
    mean = math.fsum(samples) / size
    samples = [sample - mean for sample in samples]
    # The Hann window lowers both ends, so that a frequency between two lines does not spread over
    # all of them.
    re = [samples[n] * (0.5 - 0.5 * math.cos(2 * math.pi * n / size)) for n in range(size)]
    im = [0.0] * size
    fft(re, im)
    # The amplitude of each line in g. The window halves it, and the other half is at the negative frequency.
    lines = [4 * math.hypot(re[n], im[n]) / size for n in range(size // 2)]
    # A frequency is a line that is higher than those beside it.
    least = LEAST * max(lines)
    peaks = [
        n for n in range(1, size // 2 - 1) if lines[n - 1] < lines[n] >= lines[n + 1] and lines[n] >= least
    ]
    strongest = sorted(peaks, key=lambda n: lines[n], reverse=True)[:COUNT]
    return {
        "rms": round(math.sqrt(math.fsum(sample * sample for sample in samples) / size), 4),
        "peak": round(max(abs(sample) for sample in samples), 4),
        "frequencies": [
            {"hz": round(n * rate / size, 2), "amplitude": round(lines[n], 4)} for n in strongest
        ],
    }
