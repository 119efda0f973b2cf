#compdef wasmstore
# Completes wasmstore in zsh. The program finds the candidates: its first line says how to use them, and each other line is one, with a tab
# before its description.
_wasmstore() {
    local program=${(Q)words[1]} tab=$'\t' line value description flags
    local -a typed lines values shown directories
    program=${program/#\~\//$HOME/}
    typed=("${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}")
    lines=("${(@f)$($program --quiet complete zsh '' -- "${typed[@]}" 2>/dev/null)}")
    flags=" $lines[1] "
    for line in "${(@)lines[2,-1]}"; do
        value=${line%%$tab*}
        description=${line#*$tab}
        if [[ $value == */ ]]; then
            directories+=("$value")
        else
            values+=("$value")
            shown+=("$value${description:+  -- $description}")
        fi
    done
    (( $#directories )) && compadd -S '' -- "${directories[@]}"
    (( $#values )) && compadd -l -d shown -- "${values[@]}"
    if [[ $flags == *' files '* ]]; then
        _files
    elif [[ $flags == *' directories '* ]]; then
        _files -/
    fi
}

if [[ $funcstack[1] == _wasmstore ]]; then
    _wasmstore "$@"
else
    compdef _wasmstore wasmstore
fi
