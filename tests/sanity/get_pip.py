# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give ansible-test the pip that it asks for, from Python's own copy and the package index.

ansible-test would fetch pip's installer from a server of its own; where it finds a script of that name in its cache it
runs that instead, with pip's options and the packages wanted.
"""

import ensurepip
import os
import subprocess
import sys

wanted = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
# Before bootstrapping, which turns the user's settings of pip off.
environment = {name: value for name, value in os.environ.items() if name != "GET_PIP"}
ensurepip.bootstrap()
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *wanted], env=environment))
