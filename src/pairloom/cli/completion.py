"""`pairloom completion`."""

from collections.abc import Iterable

from pairloom.cli.parsing import LIST_OPTIONS, Parser

_SCRIPT = """\
_pairloom() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="{commands} --help --version"
  elif [ "$COMP_CWORD" -eq 2 ] && [ "${{COMP_WORDS[1]}}" = data ]; then
    words="{kinds}"
  elif [ "${{word:0:1}}" = - ]; then
    local command=("${{COMP_WORDS[@]:0:2}}")
    [ "${{COMP_WORDS[1]}}" = data ] && command=("${{COMP_WORDS[@]:0:3}}")
    words=$("${{command[@]}}" {list_options} 2>/dev/null)
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _pairloom pairloom
"""
_FOR_ZSH = "autoload -U +X compinit bashcompinit && compinit && bashcompinit\n"


def completion(words: list[str], commands: Iterable[str], kinds: Iterable[str]) -> None:
    """Print a script that completes commands, options and settings in a shell.

    Args:
        words: the arguments.
        commands: names of all commands.
        kinds: what `data` takes.
    """
    parser = Parser(
        "completion",
        description="Print a script that completes commands, options, settings and file names in the shell.",
        epilog='example: eval "$(pairloom completion bash)"   # in ~/.bashrc',
    )
    parser.add_argument("shell", metavar="SHELL", choices=("bash", "zsh"), help="bash or zsh")
    shell = parser.parse_args(words).shell
    script = _SCRIPT.format(commands=" ".join(commands), kinds=" ".join(kinds), list_options=LIST_OPTIONS)
    print((_FOR_ZSH if shell == "zsh" else "") + script, end="")
