# Completes wasmstore in bash. The program finds the candidates: its first line says how to use them, and each other line is one.
_wasmstore() {
    local IFS=$'\n' line flags='' is_first=true
    local word=${2-${COMP_WORDS[COMP_CWORD]}}
    local program=${COMP_WORDS[0]}
    program=${program/#\~\//$HOME/}
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $is_first == true ]]; then
            flags=" $line " is_first=false
        else
            COMPREPLY+=("$line")
        fi
    done < <("$program" --quiet complete bash "${COMP_LINE:0:${COMP_POINT:-0}}" -- \
        "${COMP_WORDS[@]:0:COMP_CWORD+1}" 2>/dev/null)
    if [[ $flags == *' paths '* ]]; then
        compopt -o filenames 2>/dev/null
    fi
    if [[ $flags == *' files '* ]]; then
        COMPREPLY+=($(compgen -f -- "$word"))
        compopt -o filenames 2>/dev/null
    elif [[ $flags == *' directories '* ]]; then
        COMPREPLY+=($(compgen -d -- "$word"))
        compopt -o filenames 2>/dev/null
    fi
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

complete -F _wasmstore wasmstore
