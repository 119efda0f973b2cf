# Completes wasmstore in fish. The program finds the candidates: its first line says how to use them, and each other line is one, with a tab
# before its description.
function __wasmstore_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l program (string replace --regex '^~/' "$HOME/" -- $words[1])
    set -l lines ($program --quiet complete fish '' -- $words "$current" 2>/dev/null)
    printf '%s\n' $lines[2..-1]
    if string match --quiet '*files*' -- "$lines[1]"
        __fish_complete_path "$current"
    else if string match --quiet '*directories*' -- "$lines[1]"
        __fish_complete_directories "$current" ''
    end
end

complete -c wasmstore --no-files --arguments '(__wasmstore_complete)'
