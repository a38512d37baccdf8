#!/usr/bin/env bash
# Writes the software bill of materials (SPDX 2.3, JSON): what the lock files name, with versions
# and licences where they are known.
#   deploy/sbom.sh [file]     target/sbom.spdx.json, if none is named
set -euo pipefail
out=$(realpath -m "${1:-$(dirname "$0")/../target/sbom.spdx.json}")
cd "$(dirname "$0")/.."
source deploy/tests/tools.sh

# The lock files alone: whatever else lies about here is not part of what is shipped.
locks=$(mktemp -d)
trap 'rm -rf "$locks"' EXIT
cp Cargo.lock web-client/package-lock.json "$locks/"
mkdir -p "$(dirname "$out")"
SYFT_CHECK_FOR_APP_UPDATE=false syft scan "dir:$locks" --quiet --source-name orange-meets \
  --output "spdx-json=$out"

# str0m is patched before it is built: the bill names each patch by its title and checksum.
python3 - "$out" <<'PYTHON'
import hashlib, json, sys
from pathlib import Path

out = Path(sys.argv[1])
bill = json.loads(out.read_text())
str0m = next(one for one in bill["packages"] if one["name"] == "str0m")
checksum, _ = Path("sfu/str0m/str0m.sha256").read_text().split()
str0m["checksums"] = [{"algorithm": "SHA256", "checksumValue": checksum}]
str0m["annotations"] = [
    {
        "annotationDate": bill["creationInfo"]["created"],
        "annotationType": "OTHER",
        "annotator": "Tool: deploy/sbom.sh",
        "comment": f"patched by sfu/str0m/patches/{patch.name}"
        f" (SHA256 {hashlib.sha256(patch.read_bytes()).hexdigest()})",
    }
    for patch in sorted(Path("sfu/str0m/patches").glob("*.patch"))
]
out.write_text(json.dumps(bill, indent=1) + "\n")
PYTHON
