# The rules of Prometheus and Alertmanager's configuration, as the settings have them. Sourced;
# needs STATE, ETC, HERE, SETTING, MARK and template_fill.
# shellcheck shell=bash

# The text as a YAML scalar.
yaml_quote() {
	printf "'%s'" "${1//\'/\'\'}"
}

# A secret's value, by itself or in the file that NAME_FILE names.
secret_setting() {
	local value=${SETTING[$1]-}
	[[ $value || ! ${SETTING[$1_FILE]-} ]] || value=$(<"${SETTING[$1_FILE]}")
	printf '%s' "$value"
}

durations_scale() {
	"$HERE/monitoring/prometheus/scale" "${SETTING[TERSE_ALERT_SCALE_PERCENT]}"
}

# Prints a file of rules with the thresholds that TERSE_ALERT_THRESHOLDS names set anew.
thresholds_print() {
	local line name='' pair
	local -A given=()
	for pair in ${SETTING[TERSE_ALERT_THRESHOLDS]-}; do
		[[ $pair =~ ^([a-z0-9_]+)=([0-9]+(\.[0-9]+)?)$ ]] || die "TERSE_ALERT_THRESHOLDS: must be NAME=NUMBER, by blanks"
		given[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
	done
	while IFS= read -r line; do
		if [[ $line =~ 'record: terse:threshold:'(.*)$ ]]; then
			name=${BASH_REMATCH[1]}
		elif [[ $name && ${given[$name]-} && $line =~ ^(\ *expr:) ]]; then
			line="${BASH_REMATCH[1]} ${given[$name]}"
			unset "given[$name]"
		fi
		printf '%s\n' "$line"
	done
	((${#given[@]} == 0)) || die "TERSE_ALERT_THRESHOLDS: no threshold is named ${!given[*]}"
}

# Writes a file from standard input, whole; it stays untouched when it would be the same.
file_put() {
	cat >"$1.new"
	if cmp -s "$1.new" "$1"; then
		rm "$1.new"
	else
		mv "$1.new" "$1"
	fi
}

rules_fill() {
	local file from=$HERE/monitoring/prometheus/rules to=$ETC/prometheus/rules
	mkdir -p "$to"
	thresholds_print <"$from/thresholds.yml" | file_put "$to/thresholds.yml"
	for file in recording.yml alerts.yml; do
		durations_scale <"$from/$file" | file_put "$to/$file"
	done
}

# Mail goes out by TLS and, when a name is given, after a log-in.
marks_mail() {
	local ca=${SETTING[TERSE_SMTP_CA_FILE]-} user=${SETTING[TERSE_SMTP_USER]-} host=${SETTING[TERSE_SMTP_HOST]-}
	MARK[MAIL_ROUTES]=
	MARK[MAIL_RECEIVER]=
	[[ $host && ${SETTING[TERSE_ALERT_MAIL_TO]-} ]] || return 0
	MARK[SMTP_HOST]=$(yaml_quote "$host")
	MARK[SMTP_FROM]=$(yaml_quote "${SETTING[TERSE_SMTP_FROM]}")
	MARK[SMTP_USER]=$(yaml_quote "$user")
	MARK[SMTP_PASSWORD]=$(yaml_quote "$(secret_setting TERSE_SMTP_PASSWORD)")
	MARK[SMTP_CA]=
	[[ ! $ca ]] || MARK[SMTP_CA]="ca_file: $(yaml_quote "$ca")"
	MARK[MAIL_TO]=$(yaml_quote "${SETTING[TERSE_ALERT_MAIL_TO]}")
	MARK[MAIL_ROUTES]=$(template_print "$HERE/monitoring/alertmanager/mail_routes.in")
	MARK[MAIL_RECEIVER]=$(template_print "$HERE/monitoring/alertmanager/mail_receiver.in")
}

marks_discord() {
	local url
	MARK[DISCORD_ROUTE]=
	MARK[DISCORD_RECEIVER]=
	url=$(secret_setting TERSE_DISCORD_WEBHOOK)
	[[ $url ]] || return 0
	MARK[DISCORD_URL]=$(yaml_quote "$url")
	MARK[DISCORD_ROUTE]=$(template_print "$HERE/monitoring/alertmanager/discord_route.in")
	MARK[DISCORD_RECEIVER]=$(template_print "$HERE/monitoring/alertmanager/discord_receiver.in")
}

alertmanager_fill() {
	local to=$ETC/alertmanager mask
	marks_mail
	marks_discord
	mkdir -p "$to"
	cp "$HERE"/monitoring/alertmanager/templates/*.tmpl "$to/"
	mask=$(umask)
	umask 077 # it holds a password
	template_print "$HERE/monitoring/alertmanager/alertmanager.yml.in" | durations_scale |
		file_put "$to/alertmanager.yml"
	umask "$mask"
	amtool check-config "$to/alertmanager.yml" >/dev/null || die "amtool refuses $to/alertmanager.yml"
}
