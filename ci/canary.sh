# The canary: another build of terse-worker on the -b pools of both upstreams, with a part of
# the requests. Sourced by stack.sh; needs STATE, RUN and its functions. Its state is the file
# `weight` beside the program; without it the program is a link to the stable one.
# shellcheck shell=bash

CANARY=$STATE/canary
STABLE_POOLS=(redirect-a api-a)
CANARY_POOLS=(redirect-b api-b)

canary_is_on() {
	[[ -s $CANARY/weight ]]
}

# Atomically, for whoever starts a worker in this moment.
canary_link() {
	! canary_is_on || [[ ! -x $CANARY/terse-worker ]] || return 0
	ln -sfn ../bin/terse-worker "$CANARY/link"
	mv -T "$CANARY/link" "$CANARY/terse-worker"
}

marks_weights() {
	MARK[WEIGHT_A]=1
	MARK[WEIGHT_B]=1
	canary_is_on || return 0
	MARK[WEIGHT_B]=$(<"$CANARY/weight")
	MARK[WEIGHT_A]=$((100 - MARK[WEIGHT_B]))
}

weights_apply() {
	marks_make
	template_fill "$HERE/nginx/upstreams.conf.in" "$ETC/nginx/upstreams.conf"
	nginx_refresh
	service_note nginx
}

pools_refresh() {
	local name
	for name in "$@"; do
		pool_refresh "$name" || return 1
		service_note "$name"
	done
}

# The stable program everywhere, and half of the requests each.
canary_end() {
	rm -f "$CANARY/weight"
	canary_link
	pools_refresh "${CANARY_POOLS[@]}" || die "The canary's pools are still on it."
	weights_apply
}

canary_start() {
	local weight=${1-10}
	[[ $weight =~ ^[1-9][0-9]?$ ]] || die "The weight must be a percentage from 1 to 99."
	printf '%s\n' "$weight" >"$CANARY/weight"
	mv -T "$CANARY/candidate" "$CANARY/terse-worker"
	pools_refresh "${CANARY_POOLS[@]}" || {
		canary_end
		die "The canary does not come up. All is as before."
	}
	weights_apply
}

canary_promote() {
	canary_is_on || die "There is no canary."
	cp "$CANARY/terse-worker" "$STATE/bin/.terse-worker"
	mv "$STATE/bin/terse-worker" "$CANARY/previous"
	mv "$STATE/bin/.terse-worker" "$STATE/bin/terse-worker"
	pools_refresh "${STABLE_POOLS[@]}" || {
		mv "$CANARY/previous" "$STATE/bin/terse-worker"
		die "The canary does not come up on the other pools. It stays where it is."
	}
	canary_end
}

canary_status() {
	if canary_is_on; then
		printf 'canary: %s %% on %s\n' "$(<"$CANARY/weight")" "${CANARY_POOLS[*]}"
	else
		printf 'no canary\n'
	fi
}

canary_run() {
	settings_load
	case ${1-} in
	start) canary_start "${@:2}" ;;
	promote) canary_promote ;;
	abort) canary_is_on && canary_end ;;
	status) ;;
	*) die "usage: canary start [PERCENT] | promote | abort | status" ;;
	esac
	canary_status
}
