# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# bash completion for mmuscope and mmuscope-load. Commands and options are asked
# of the program itself, so that they are never out of date.

_mmuscope_words() {
	COMPREPLY=()
	local word
	while IFS= read -r word; do
		COMPREPLY+=("$word")
	done < <(compgen -W "$1" -- "$2")
}

# options of "program [command]"
_mmuscope_options() {
	"$@" --help 2> /dev/null | grep -oE '(^| |,)--?[a-zA-Z][a-z-]*' | tr -d ' ,'
}

# values that an option takes, or fails: it takes none that are known
_mmuscope_value() {
	local program=$1 previous=$2 current=$3
	case $previous in
	--only)
		_mmuscope_words "$("$program" check --only '?' 2>&1 | sed -n 's/^  //p')" "$current"
		;;
	--sort)
		_mmuscope_words "$("$program" top --sort '?' 2>&1 | sed -n 's/.*there are //p' | tr -d ,)" "$current"
		;;
	--tier)
		_mmuscope_words "fentry kprobe tracepoint stats" "$current"
		;;
	-p | --pid)
		_mmuscope_words "$(command ps ax -o pid= 2> /dev/null)" "$current"
		;;
	-o | --output | --candidate | --baseline | --rules)
		compopt -o default
		;;
	-n | -d | --for | --max-vms | --stories | --ring | --rotate-size | --rotate-time | --keep | --vm | --from | --to)
		;;
	*)
		return 1
		;;
	esac
}

# what comes behind "--" is a command of its own
_mmuscope_workload() {
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [ "${COMP_WORDS[i]}" = -- ]; then
			declare -F _command_offset > /dev/null || return 0
			_command_offset $((i + 1))
			return 0
		fi
	done
	return 1
}

_mmuscope() {
	local program=$1 current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	_mmuscope_workload && return
	if [ "$COMP_CWORD" = 1 ]; then
		_mmuscope_words "$("$program" --help 2> /dev/null | sed -nE 's/^  ([a-z]+) .*/\1/p') --help --version" \
			"$current"
		return
	fi
	_mmuscope_value "$program" "$previous" "$current" && return
	case $current in
	-*) _mmuscope_words "$(_mmuscope_options "$program" "${COMP_WORDS[1]}")" "$current" ;;
	*) compopt -o default 2> /dev/null ;;
	esac
}

_mmuscope_load() {
	local program=$1 current=${COMP_WORDS[COMP_CWORD]}
	case $current in
	-*) _mmuscope_words "$(_mmuscope_options "$program")" "$current" ;;
	*) _mmuscope_words "$("$program" --list 2> /dev/null | sed -nE 's/^  ([a-z0-9-]+) .*/\1/p')" "$current" ;;
	esac
}

complete -F _mmuscope mmuscope
complete -F _mmuscope_load mmuscope-load
