# SPDX-License-Identifier: Apache-2.0
# Completes the arguments of jeton(1): options, verbs, keys, their values, and identifiers.
#
# All of it is asked of the command itself (`jeton --complete`), so that there is no second list to
# keep.  What it prints is offered, and never expanded.

_jeton_files() {
    local file
    while IFS= read -r file; do
        if [[ -d $file ]]; then
            file+=/
        fi
        printf '%s\n' "$file"
    done < <(compgen -f -- "${1#--socket=}")
}

# Put a candidate into COMPREPLY; with its description if bash only lists what there is.
_jeton_offer() {
    local candidate=$1 description=$2
    if [[ $current == *=* && $COMP_WORDBREAKS == *=* ]]; then
        candidate=${candidate#*=}
    fi
    if [[ -n $description && $several && ${COMP_TYPE:-9} =~ ^(33|63|64)$ ]]; then
        printf -v candidate '%-20s  (%s)' "$candidate" "$description"
    elif [[ $candidate != *[=/] ]]; then
        candidate+=' '
    fi
    COMPREPLY+=("$candidate")
}

# Words are parted at spaces alone, not where the shell's word breaks are.
_jeton() {
    local program=${COMP_WORDS[0]} words current='' lines line several=''
    read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
    if [[ ${COMP_LINE:COMP_POINT-1:1} != ' ' ]]; then
        current=${words[-1]}
        unset 'words[-1]'
    fi
    COMPREPLY=()
    mapfile -t lines < <(printf '%s\0' "${words[@]:1}" "$current" | "$program" --complete 2>/dev/null)
    if [[ ${lines[0]-} == '<files>' ]]; then
        mapfile -t lines < <(_jeton_files "$current")
    fi
    if ((${#lines[@]} > 1)); then
        several=yes
    fi
    for line in "${lines[@]}"; do
        _jeton_offer "${line%%$'\t'*}" "${line#*$'\t'}"
    done
}

complete -o nospace -o nosort -F _jeton jeton
