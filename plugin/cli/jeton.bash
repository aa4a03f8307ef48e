# SPDX-License-Identifier: Apache-2.0
# Completes the arguments of jeton(1): options, verbs, keys, states and identifiers.
#
# Verbs and keys are asked of the command itself, so that there is no second list of them to keep.
# What it prints is compared and offered, and never expanded.

_jeton_verbs() {
    "$program" --plain help 2>/dev/null | cut -f1
}

_jeton_usage() {
    "$program" --plain help "$1" 2>/dev/null | cut -f2
}

# The keys of the verb that were not given yet.  A value is never an argument: token= is no key.
_jeton_keys() {
    local usage key
    usage=$(_jeton_usage "$verb")
    if [[ $usage == *"create's keys"* ]]; then
        usage+=$(_jeton_usage create)
    fi
    while IFS= read -r key; do
        if [[ $key != token= && " ${words[*]}" != *[\ -]"$key"* ]]; then
            printf '%s\n' "$key"
        fi
    done < <(grep -oE '\b[a-z_]+=' <<<"$usage" | sort -u)
}

# Identifiers of tokens in the state $1, or in any: of the oldest thousand, if they come soon.
_jeton_ids() {
    local ask=(--plain --timeout 2s)
    if [[ -n $socket ]]; then
        ask+=(--socket "$socket")
    fi
    "$program" "${ask[@]}" list limit=1000 ${1:+"state=$1"} 2>/dev/null </dev/null |
        cut -f1 | grep -Ex '[0-9a-f]{20}'
}

_jeton_ids_for_verb() {
    if [[ $(_jeton_usage "$verb") =~ ^[a-z]+\ ID ]]; then
        case $verb in
        enable) _jeton_ids disabled ;;
        disable | rotate) _jeton_ids active ;;
        *) _jeton_ids ;;
        esac
    fi
}

_jeton_files() {
    local file
    while IFS= read -r file; do
        if [[ -d $file ]]; then
            file+=/
        fi
        printf '%s\n' "$file"
    done < <(compgen -f -- "$current")
}

_jeton_options() {
    printf -- '--%s\n' socket timeout json plain value keep-going format partial prometheus help version
}

# All that may stand where the current word stands; keys end with '='.
_jeton_candidates() {
    case $before,$verb,$current in
    -S,* | --socket,*) _jeton_files ;;
    -T,* | --timeout,*) printf '%s\n' 10s 1m 0s ;;
    *,list,state=*) printf 'state=%s\n' active pending disabled expired revoked ;;
    *,import,state=*) printf 'state=%s\n' active disabled revoked ;;
    *,*,*=*) ;;
    *,*,-*) _jeton_options ;;
    *,,* | *,help,*) _jeton_verbs ;;
    *)
        _jeton_keys
        _jeton_ids_for_verb
        ;;
    esac
}

# Words are parted at spaces alone, not where the shell's word breaks are.
_jeton() {
    local program=${COMP_WORDS[0]} words verb='' socket='' before='' current='' word candidate
    read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
    if [[ ${COMP_LINE:COMP_POINT-1:1} != ' ' ]]; then
        current=${words[-1]}
        unset 'words[-1]'
    fi
    for word in "${words[@]:1}"; do
        case $before,$word in
        -S,* | --socket,*) socket=$word ;;
        -T,* | --timeout,*) ;;
        *,--socket=*) socket=${word#*=} ;;
        *,-*) ;;
        *) verb=${verb:-$word} ;;
        esac
        before=$word
    done
    COMPREPLY=()
    while IFS= read -r candidate; do
        if [[ $candidate != "$current"* ]]; then
            continue
        fi
        if [[ $current == *=* && $COMP_WORDBREAKS == *=* ]]; then
            candidate=${candidate#*=}
        fi
        if [[ $candidate != *[=/] ]]; then
            candidate+=' '
        fi
        COMPREPLY+=("$candidate")
    done < <(_jeton_candidates)
}

complete -o nospace -F _jeton jeton
