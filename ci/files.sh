# shellcheck shell=bash
# Sourced: what the repository consists of, new files included, deleted ones not.

tracked() { # PATTERN...
	local f
	git ls-files --cached --others --exclude-standard -- "$@" | LC_ALL=C sort -u | while IFS= read -r f; do
		if [ -e "$f" ]; then printf '%s\n' "$f"; fi
	done
}

# The folders of the Go modules, the main one first.
modules() { tracked go.mod '*/go.mod' | xargs -n 1 dirname | LC_ALL=C sort; }
