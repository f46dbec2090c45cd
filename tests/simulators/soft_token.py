"""Tokens of SoftHSM: a real PKCS #11 module, in files of the test process.

NOTE: the module reads its configuration, and learns of its tokens, when it is started, once in a process. So all tests of a process
share one directory, whose tokens are all made before.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN, SO_PIN = "135790", "24680135"
TOKEN, GUARDED = "wardgate", "guarded"


@cache
def soft_tokens() -> Path:
    """Make the tokens of this process, and have the module find them; return their directory."""
    directory = Path(tempfile.mkdtemp(prefix="wardgate-softhsm-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    (directory / "tokens").mkdir()
    configuration = directory / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {directory / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n", encoding="ascii")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    for label in (TOKEN, GUARDED):
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", SO_PIN, "--pin", PIN],
                       check=True, capture_output=True, timeout=60)
    return directory
