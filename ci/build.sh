# Building outside the source tree. Sourced; needs TOP.
# shellcheck shell=bash

# What outlives a checkout is kept here.
build_cache() {
	printf '%s\n' "${TERSE_CACHE:-/var/tmp/terse-build-$EUID}"
}

# Where builds of this checkout are kept.
build_root() {
	printf '%s/%s\n' "$(build_cache)" "$(printf %s "$TOP" | cksum | cut -d' ' -f1)"
}

# Makes `configure`, unless it is newer than what it is made of.
build_configure_script() {
	local file
	for file in configure Makefile.in; do
		if [[ ! $TOP/$file -nt $TOP/configure.ac || ! $TOP/$file -nt $TOP/Makefile.am ]]; then
			(cd "$TOP" && mkdir -p m4 && autoreconf -fi)
			return
		fi
	done
}

# build NAME CONFIGURE-ARGUMENT...: configures once per set of arguments, and makes all.
build() {
	local dir
	dir=$(build_root)/$1
	shift
	mkdir -p "$dir"
	(
		flock 9
		build_configure_script
		if [[ ! -e $dir/Makefile || $(cat "$dir/arguments" 2>/dev/null) != "$*" ]]; then
			(cd "$dir" && "$TOP/configure" "$@")
			printf '%s' "$*" >"$dir/arguments"
		fi
		make -C "$dir" -j"$(nproc)"
	) 9>"$(build_root)/lock"
}
