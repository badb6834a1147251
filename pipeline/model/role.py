"""The roles of tokens. This is a separate module so that `iot-logic token` needs no web framework."""

from enum import StrEnum


class Role(StrEnum):
    """The role of a token."""

    #: May read everything except tokens and the audit trail.
    VIEWER = "viewer"
    #: May also post readings, edit states, lift quarantines, pause, and send again and discard dead letters.
    OPERATOR = "operator"
    #: May also change logic, profiles, configs and sources.
    AUTHOR = "author"
    #: May also make and revoke tokens, and read the audit trail.
    ADMIN = "admin"

    def includes(self, needed: "Role") -> bool:
        """Return whether this role may do everything that `needed` may do."""
        roles = list(Role)
        return roles.index(self) >= roles.index(needed)
