# SPDX-License-Identifier: Apache-2.0
# Completes the arguments of jeton(1) for fish.  All of it is asked of the command itself
# (`jeton --complete`); what it prints is offered, and never expanded.

function __jeton_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct | string unescape)
    set -l program $words[1]
    set -e words[1]
    set -l lines (printf '%s\0' $words "$current" | command $program --complete 2>/dev/null)
    if test "$lines[1]" = '<files>'
        set -l before (string match -r '^--socket=' -- "$current")
        for file in (__fish_complete_path (string replace -r '^--socket=' '' -- "$current"))
            echo "$before$file"
        end
    else if test (count $lines) -gt 0
        printf '%s\n' $lines
    end
end

complete -c jeton -f -k -a '(__jeton_complete)'
