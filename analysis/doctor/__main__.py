"""One trial, in the process that `analysis.doctor.examine` starts for it."""

from __future__ import annotations

import json
import sys

from analysis.doctor.examine import MARK, look
from analysis.doctor.parts import PARTS

if __name__ == "__main__":
    finding = look(next(part for part in PARTS if part.name == sys.argv[1]))
    print(f"\n{MARK}{json.dumps([finding.state, finding.version, finding.detail])}", flush=True)
