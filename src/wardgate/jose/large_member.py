"""A JSON object with one member whose text is large: the large text is taken out before the rest is parsed.

The parser of the standard library looks at each character of a text and copies it twice; here it is found by the search of bytes.
"""

from collections.abc import Iterator
from typing import Any, Final

from wardgate.jose.strict_json import decode_object

_STANDINS: Final = 64


def decode_object_without(data: bytes, name: str) -> tuple[dict[str, Any], bytes | memoryview | None]:
    """Return the object and the octets of its member `name`, which is None when it is absent or no text.

    The result is the same as that of parsing all of it: the member is cut out only where `"name":"` stands once, and a stand-in
    that occurs nowhere around it takes its place, so it is known that the text cut out was that member's, on the outermost level.
    What is cut out holds neither a quote nor a reverse solidus; whoever decodes it refuses every other thing that JSON refuses.
    Raises `ValueError`.
    """
    start = f'"{name}":"'.encode("ascii")
    at = data.find(start)
    begin = at + len(start)
    end = data.find(b'"', begin) if at >= 0 else -1
    if end >= 0 and data.find(start, end) < 0 and data.find(b"\\", begin, end) < 0:
        stand_in = next((text for text in _stand_ins() if data.find(text, 0, begin) < 0 and data.find(text, end) < 0), None)
        if stand_in is not None:
            found = decode_object(b"".join((data[:begin], stand_in, data[end:])))
            if found.get(name) == stand_in.decode("ascii"):
                return found, memoryview(data)[begin:end]
    found = decode_object(data)
    value = found.get(name)
    if type(value) is not str:
        return found, None
    return found, value.encode("utf-8")


def _stand_ins() -> Iterator[bytes]:
    return (b"*%d*" % number for number in range(_STANDINS))
