#!/usr/bin/env bash
# The built wheel, installed into an empty environment, works where a user's own folders have our names.
set -euo pipefail
cd "$(dirname "$0")/.."

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
constraints=$PWD/constraints-cpu.txt

.venv/bin/python -m build --wheel --outdir "$place/dist" . >"$place/build.log" 2>&1 ||
  { cat "$place/build.log"; exit 1; }
python3 -m venv "$place/env"
"$place/env/bin/python" -m pip --disable-pip-version-check install --quiet -c "$constraints" "$place"/dist/*.whl

mkdir -p "$place/user/storage" "$place/user/screens" "$place/user/synthlab"
for trap_package in storage screens synthlab; do
  echo "raise SystemExit('a folder of the user was imported: $trap_package')" \
    >"$place/user/$trap_package/__init__.py"
done
cd "$place/user"
export SYNTHLAB_HOME=$place/lab
"$place/env/bin/synthlab" doctor
"$place/env/bin/synthlab" run tiny
"$place/env/bin/synthlab" results tiny --json >"$place/results.json"
"$place/env/bin/python" -P - "$place/results.json" <<'PY'
import json, sys
rows = json.load(open(sys.argv[1]))["rows"]
conditions = {row["condition"] for row in rows}
assert conditions == {"vanilla", "human", "single", "multi"}, conditions
assert {row["seed"] for row in rows} == {0, 1}
print(f"wheel: {len(rows)} results of {len(conditions)} conditions")
PY
