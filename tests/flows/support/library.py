# SPDX-License-Identifier: Apache-2.0
"""A ctypes handle on libjeton: the same questions as over the socket, asked in this process."""
import ctypes
import os

from settings import BUILD, SANITIZER

INVALID = 65
LIBRARY = f"{BUILD}/libjeton.so.0"


class Claims(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("source", ctypes.c_int32), ("reserved", ctypes.c_int32),
                ("expires", ctypes.c_int64), ("retry_after", ctypes.c_int64),
                ("id", ctypes.c_char * 64), ("verifier", ctypes.c_char * 64),
                ("subject", ctypes.c_char * 264), ("scopes", ctypes.c_char * 2080)]


def library():
    """Return libjeton, or None where it cannot be loaded: a sanitizer's runtime must be the first in a process."""
    if SANITIZER or not os.path.exists(LIBRARY):
        return None
    lib = ctypes.CDLL(LIBRARY)
    lib.jeton_verify.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t,
                                 ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(Claims)]
    lib.jeton_status_word.restype = ctypes.c_char_p
    lib.jeton_close.argtypes = [ctypes.c_void_p]
    return lib


class Handle:
    SOURCES = ("nobody", "table", "daemon")

    def __init__(self, path, service=None, timeout=None):
        """timeout: the seconds that the daemon may take for an answer, if not libjeton's own one second."""
        self.lib = library()
        self.handle = ctypes.c_void_p()
        if self.lib is not None:
            error = self.lib.jeton_open(ctypes.byref(self.handle), path.encode(),
                                        service and service.encode(), 0)
            assert error == 0, f"jeton_open: {os.strerror(-error)}"
            assert timeout is None or self.lib.jeton_set_timeout(self.handle, 1000 * timeout) == 0

    def takes(self, value, wanted):
        """True if libjeton can be asked this, too: not what needs the quotes of the line grammar."""
        plain = not any(byte in value for byte in ' "\\=\r\n')
        return self.lib is not None and plain and set(wanted) <= {"scope", "subject"}

    def verify(self, value, scope=None, subject=None):
        """Return the verdict as the protocol has it, and who gave it."""
        claims = Claims(size=ctypes.sizeof(Claims))
        value, scope, subject = (text if text is None else text.encode()
                                 for text in (value, scope, subject))
        status = self.lib.jeton_verify(self.handle, value, len(value), scope, subject,
                                       ctypes.byref(claims))
        word = self.lib.jeton_status_word(status).decode()
        if status == INVALID:
            word = "bad-value"      # what the daemon answers to such a question
        verdict = "OK" if status == 0 else f"{'NO' if status < 64 else 'ERR'} {word}"
        return verdict, self.SOURCES[claims.source]

    def close(self):
        if self.lib is not None:
            self.lib.jeton_close(self.handle)
