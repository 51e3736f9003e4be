"""``python -m k8s_ref`` is ``k8s-ref`` · 与 k8s-ref 相同"""

import sys

from k8s_ref.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
