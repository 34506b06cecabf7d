"""`lofi completion`: what a shell needs to complete the commands."""

from __future__ import annotations

import click

from lofi_cli import exits
from lofi_cli.group import HELP

_SHELLS = ("bash", "zsh", "fish")

# What the commands answer to a shell has click's form. Its own scripts for zsh and fish sort what has a
# description, and fish's ends it at a comma.
_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a response values lines
    local type key about width=0 described=()
    (( $+commands[%(prog_name)s] )) || return 1
    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \\
        %(complete_var)s=zsh_complete %(prog_name)s)}")
    for type key about in $response; do
        case $type in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain)
                key=${key//\\\\:/:}
                values+=("$key")
                (( $#key > width )) && width=$#key ;;
        esac
    done
    for type key about in $response; do
        [[ $type == plain ]] || continue
        key=${key//\\\\:/:}
        if [[ $about == _ ]]; then
            lines+=("$key")
        else
            described=(-l)
            lines+=("${(mr:COLUMNS-1:)${:-${(r:width:)key}  -- $about}}")
        fi
    done
    (( $#values )) && compadd -U -V lofi $described -d lines -a values
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""
_FISH = """\
function %(complete_func)s
    set -l response (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) \\
        COMP_CWORD=(commandline -t) %(prog_name)s)
    for each in $response
        set -l parts (string split --max 1 "," $each)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2]
            case file
                __fish_complete_path $parts[2]
            case plain
                echo $parts[2]
        end
    end
end

complete --keep-order --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


@click.command(context_settings=HELP)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.option("--json", "as_json", is_flag=True, help="One JSON object: shell and script.")
def completion(shell: str, as_json: bool) -> None:
    """Print the script that lets SHELL complete commands, options, track ids, models and settings.

    \b
    bash  echo 'eval "$(lofi completion bash)"' >> ~/.bashrc
    zsh   echo 'eval "$(lofi completion zsh)"' >> ~/.zshrc    (after compinit)
    fish  lofi completion fish > ~/.config/fish/completions/lofi.fish
    """
    with exits.reported():
        script = _script(shell)
        if as_json:
            from lofi_cli.show import json_line

            click.echo(json_line({"shell": shell, "script": script}))
        else:
            click.echo(script)


def _script(shell: str) -> str:
    """One for each command. Nothing looks for the shell: it may be on another machine."""
    import click.shell_completion as clicks

    # bash's own class runs bash, to warn of one that is too old.
    template = {"bash": clicks.BashComplete.source_template, "zsh": _ZSH, "fish": _FISH}[shell]
    scripts = []
    for name in ("lofi", "lofi-submit", "lofi-batch"):
        variable = exits.completion_variable(name)
        names = {"complete_func": f"_{name.replace('-', '_')}_completion", "complete_var": variable}
        scripts.append(template % (names | {"prog_name": name}))
    return "\n".join(scripts)
