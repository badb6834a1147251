"""The roles that a token can have. By itself, so that `iot-logic token` needs no web framework."""

from enum import StrEnum


class Role(StrEnum):
    """The role of a token."""

    #: Read everything but the tokens and the audit trail.
    VIEWER = "viewer"
    #: ... and post readings, edit states, lift quarantines, pause, send again and discard dead letters.
    OPERATOR = "operator"
    #: ... and change logic, profiles and configs.
    AUTHOR = "author"
    #: ... and make and revoke tokens, and read the audit trail.
    ADMIN = "admin"

    def includes(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        roles = list(Role)
        return roles.index(self) >= roles.index(needed)
