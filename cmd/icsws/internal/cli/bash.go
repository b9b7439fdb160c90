package cli

import (
	"fmt"
	"strings"
)

// bash returns the completion script. It needs nothing but bash, version 3.2 or newer,
// which breaks words at "=" and ":".
func (a *App) bash() string {
	var b strings.Builder
	fn := "_" + a.Name
	fmt.Fprintf(&b, "# Completes %s in bash; made by \"%s completion bash\".\n\n", a.Name, a.Name)
	fmt.Fprintf(&b, "# Sets kind to what the value of a flag is: words, @file, @folder, - for any.\n%s_value() { # COMMAND FLAG\n\tkind=''\n\tcase \"$1 $2\" in\n", fn)
	for _, n := range a.nodes() {
		for _, r := range n.flags {
			if r.value == "" {
				continue
			}
			kind := "-"
			if len(r.words) > 0 {
				kind = strings.Join(r.words, " ")
			} else if p := r.paths(); p != "" {
				kind = "@" + p
			}
			var patterns []string
			for _, s := range r.spellings() {
				patterns = append(patterns, quote(n.path+" "+s))
			}
			fmt.Fprintf(&b, "\t%s) kind=%s ;;\n", strings.Join(patterns, " | "), quote(kind))
		}
	}
	b.WriteString("\tesac\n}\n\n")
	fmt.Fprintf(&b, "# Sets command, flags and kind to what may come behind a command.\n%s_place() { # COMMAND\n\tcase $1 in\n", fn)
	for _, n := range a.nodes() {
		var flags []string
		for _, r := range n.flags {
			flags = append(flags, "--"+r.name)
		}
		kind := "-"
		words := n.words
		for _, next := range n.next {
			words = append(words, next.word)
		}
		if len(words) > 0 {
			kind = strings.Join(words, " ")
		}
		if n.files {
			kind = strings.TrimPrefix(kind+" @file", "- ")
		}
		fmt.Fprintf(&b, "\t%s) flags=%s kind=%s ;;\n", quote(n.path), quote(strings.Join(flags, " ")), quote(kind))
	}
	b.WriteString("\t*) return 1 ;;\n\tesac\n}\n")
	b.WriteString(strings.ReplaceAll(bashEngine, "_PROGRAM", fn))
	fmt.Fprintf(&b, "\ncomplete -F %s %s\n", fn, a.Name)
	return b.String()
}

const bashEngine = `
_PROGRAM() {
	local cur=${COMP_WORDS[COMP_CWORD]} command='' flag='' flags='' kind='' word i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ -n $flag ]]; then
			[[ $word == '=' ]] || flag=''
			continue
		fi
		if [[ $word == -* ]]; then
			_PROGRAM_value "$command" "$word"
			[[ -z $kind ]] || flag=$word
		elif [[ -z $command ]]; then
			! _PROGRAM_place "$word" || command=$word
		elif _PROGRAM_place "$command $word"; then
			command="$command $word"
		fi
	done
	if [[ -n $flag ]]; then
		_PROGRAM_value "$command" "$flag"
		[[ $cur != '=' ]] || cur=''
	elif [[ $cur == -* ]]; then
		_PROGRAM_place "$command"
		kind=$flags
	else
		_PROGRAM_place "$command"
	fi
	local IFS=$' \t\n' offered=''
	for word in $kind; do
		case $word in
		-) ;;
		@file | @folder)
			compopt -o filenames 2>/dev/null
			IFS=$'\n'
			if [[ $word == @file ]]; then
				COMPREPLY+=($(compgen -f -- "$cur"))
			else
				COMPREPLY+=($(compgen -d -- "$cur"))
			fi
			IFS=$' \t\n'
			;;
		*) offered="$offered $word" ;;
		esac
	done
	COMPREPLY+=($(compgen -W "$offered" -- "$cur"))
}
`
