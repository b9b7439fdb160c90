# shellcheck shell=bash
# Sourced: npm packages, in the root of the repository.

has_node() { # 18 is what the npm packages need
	command -v node >/dev/null && command -v npm >/dev/null &&
		node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)'
}

npm_packages() { # FOLDER; none is fetched while the lock file is the one last installed
	(
		cd "$1"
		if ! cmp -s package-lock.json node_modules/.installed-lock.json; then
			npm ci --ignore-scripts --prefer-offline
			cp package-lock.json node_modules/.installed-lock.json
		fi
	)
}
