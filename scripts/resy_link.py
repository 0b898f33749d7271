"""The plans' name for `haloop connect resy`: python scripts/resy_link.py --household-id ID [--venue NAME=NUMBER]"""

import sys

from haloop.cli import main

sys.argv[1:] = ["connect", "resy", *("--account" if word == "--household-id" else word for word in sys.argv[1:])]
sys.exit(main())
