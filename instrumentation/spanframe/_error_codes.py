"""Error codes of MLflow 3.17: names, the numbers that plugins write, HTTP statuses."""

import enum
from typing import Final

__all__ = ["ErrorCode", "http_status"]


class ErrorCode(enum.IntEnum):
    """Error codes, also as ``spanframe.protos.databricks_pb2.ErrorCode``.

    ``Name`` and ``Value`` are the methods of the enumeration of Protobuf that MLflow's
    plugins call.
    """

    INTERNAL_ERROR = 1
    TEMPORARILY_UNAVAILABLE = 2
    IO_ERROR = 3
    BAD_REQUEST = 4
    DEADLINE_EXCEEDED = 7
    CANCELLED = 8
    RESOURCE_EXHAUSTED = 9
    ABORTED = 10
    NOT_FOUND = 11
    ALREADY_EXISTS = 12
    UNAUTHENTICATED = 13
    INVALID_PARAMETER_VALUE = 1000
    ENDPOINT_NOT_FOUND = 1001
    MALFORMED_REQUEST = 1002
    INVALID_STATE = 1003
    PERMISSION_DENIED = 1004
    FEATURE_DISABLED = 1005
    CUSTOMER_UNAUTHORIZED = 1006
    REQUEST_LIMIT_EXCEEDED = 1007
    RESOURCE_CONFLICT = 1008
    NOT_IMPLEMENTED = 1010
    DATA_LOSS = 1011
    INVALID_STATE_TRANSITION = 2001
    COULD_NOT_ACQUIRE_LOCK = 2002
    RESOURCE_ALREADY_EXISTS = 3001
    RESOURCE_DOES_NOT_EXIST = 3002
    QUOTA_EXCEEDED = 4001
    RESOURCE_LIMIT_EXCEEDED = 5002

    @classmethod
    def Name(cls, number: int) -> str:  # noqa: N802 - Protobuf's name
        """Return the name of a number.

        Raises:
            ValueError: when no code has the number.
        """
        return cls(number).name

    @classmethod
    def Value(cls, name: str) -> int:  # noqa: N802 - Protobuf's name
        """Return the number of a name.

        Raises:
            ValueError: when no code has the name.
        """
        if name not in cls.__members__:
            raise ValueError(f"MLflow has no error code {name!r}.")
        return cls[name].value


_HTTP_STATUSES: Final = {
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "CANCELLED": 499,
    "RESOURCE_EXHAUSTED": 429,
    "ABORTED": 409,
    "RESOURCE_CONFLICT": 409,
    "ALREADY_EXISTS": 409,
    "NOT_FOUND": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "PERMISSION_DENIED": 403,
    "CUSTOMER_UNAUTHORIZED": 401,
    "UNAUTHENTICATED": 401,
    "BAD_REQUEST": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "INVALID_PARAMETER_VALUE": 400,
}


def http_status(error_code: str) -> int:
    """Return the HTTP status of the code of a name; 500 for all others."""
    return _HTTP_STATUSES.get(error_code, 500)


# A plugin imports a number by its name: from spanframe.protos.databricks_pb2 import …
globals().update(ErrorCode.__members__)
__all__ += list(ErrorCode.__members__)
