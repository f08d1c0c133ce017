"""Scripts that make pages, schemas and the dashboard are no package; here they can be imported."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "docs"), str(ROOT / "deploy" / "grafana")]
