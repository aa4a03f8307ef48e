#compdef jeton
# SPDX-License-Identifier: Apache-2.0
# Completes the arguments of jeton(1) for zsh.  All of it is asked of the command itself
# (`jeton --complete`); what it prints is offered, and never expanded.

_jeton() {
    local -a given lines whole whole_shown open open_shown
    local line candidate shown

    given=("${(@Q)words[1,CURRENT-1]}")
    lines=("${(@f)$(printf '%s\0' "${(@)given[2,-1]}" "${(Q)PREFIX}" | command ${given[1]} --complete 2>/dev/null)}")
    if [[ $lines[1] == '<files>' ]]; then
        compset -P '--socket='
        _files
        return
    fi
    for line in $lines; do
        candidate=${line%%$'\t'*}
        shown=$candidate
        [[ $line == *$'\t'?* ]] && shown="${(r:20:)candidate}  -- ${line#*$'\t'}"
        if [[ $candidate == *= ]]; then
            open+=("$candidate") open_shown+=("$shown")
        else
            whole+=("$candidate") whole_shown+=("$shown")
        fi
    done
    compadd -l -V keys -S '' -d open_shown -a open
    compadd -l -V words -d whole_shown -a whole
}

_jeton "$@"
