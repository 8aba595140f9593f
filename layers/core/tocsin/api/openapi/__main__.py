"""`python -m tocsin.api.openapi > docs/openapi.json`"""

import json
import sys

from tocsin.api.openapi.openapi import document

if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")
