/**
 * What each shell reads. All ask `kubectl __complete`, whose last line `:N` says by its bits what the shell may do:
 * 2 no blank behind the word, 4 no files, 8 files with the extensions listed, 16 folders.
 */
export const scripts: Readonly<Record<string, string>> = {
  bash: `# bash completion for kubectl
__kubectl_complete() {
  local cur=\${COMP_LINE:0:COMP_POINT} words answer directive word
  # The words as they are before the cursor; the last may be empty.
  read -r -a words <<<"$cur"
  [[ $cur == *[[:space:]] ]] && words+=("")
  cur=\${words[\${#words[@]}-1]}
  answer=$("\${words[0]}" __completeNoDesc "\${words[@]:1}" 2>/dev/null) || return
  directive=\${answer##*:}
  answer=\${answer%:*}
  COMPREPLY=()
  # Bash breaks words at these: it puts back only what stands behind the last of them.
  local head=
  case $cur in
    --*=*) head=\${cur%%=*}= ;;
    *:*) [[ $COMP_WORDBREAKS == *:* ]] && head=\${cur%"\${cur##*:}"} ;;
  esac
  if ((directive & 8)); then
    local extension
    while read -r extension; do
      [[ -n $extension ]] && while read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -X "!*.$extension" -- "\${cur#"$head"}")
    done <<<"$answer"
    while read -r word; do COMPREPLY+=("$word"); done < <(compgen -d -- "\${cur#"$head"}")
    compopt -o filenames 2>/dev/null
    return
  fi
  if ((directive & 16)); then
    while read -r word; do COMPREPLY+=("$word"); done < <(compgen -d -- "\${cur#"$head"}")
    compopt -o filenames 2>/dev/null
    return
  fi
  while IFS= read -r word; do
    [[ -n $word ]] && COMPREPLY+=("\${word#"$head"}")
  done <<<"$answer"
  ((directive & 2)) && compopt -o nospace 2>/dev/null
  if ((\${#COMPREPLY[@]} == 0 && !(directive & 4))); then
    compopt -o default 2>/dev/null
  fi
}
complete -F __kubectl_complete kubectl
`,
  zsh: `#compdef kubectl
compdef _kubectl kubectl

_kubectl() {
  local -a asked found lines
  local answer directive line word about
  asked=("\${(@)words[1,CURRENT]}")
  answer=$("\${asked[1]}" __complete "\${(@)asked[2,-1]}" 2>/dev/null) || return 1
  lines=("\${(@f)answer}")
  directive=\${lines[-1]#:}
  lines=("\${(@)lines[1,-2]}")
  if (( directive & 8 )); then
    _files -g "*.(\${(j:|:)lines})"
    return
  fi
  if (( directive & 16 )); then
    _files -/
    return
  fi
  for line in "\${lines[@]}"; do
    [[ -z $line ]] && continue
    word=\${line%%$'\\t'*}
    # A colon parts word and description.
    word=\${word//:/\\\\:}
    if [[ $line == *$'\\t'* ]]; then found+=("$word:\${line#*$'\\t'}"); else found+=("$word"); fi
  done
  local -a how
  (( directive & 2 )) && how=(-S '')
  if (( \${#found} > 0 )); then
    _describe kubectl found "\${how[@]}"
  elif (( ! (directive & 4) )); then
    _files
  fi
}

# Called as a file of completions, it completes at once.
[[ $funcstack[1] == _kubectl ]] && _kubectl
`,
  fish: `# fish completion for kubectl
function __kubectl_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l answer ($words[1] __complete $words[2..-1] 2>/dev/null)
    or return 1
    test (count $answer) -gt 0; or return 1
    set -l directive (string replace ':' '' -- $answer[-1])
    set -l current (commandline -ct)
    if test (math "floor($directive / 8) % 2") -eq 1; or test (math "floor($directive / 4) % 2") -eq 0 -a (count $answer) -eq 1
        __fish_complete_path $current
        return
    end
    if test (math "floor($directive / 16) % 2") -eq 1
        __fish_complete_directories $current
        return
    end
    # The value of --flag=value is offered with its flag.
    set -l head (string match -r -- '^--[^=]+=' $current)
    for line in $answer[1..-2]
        printf '%s%s\\n' "$head" $line
    end
end
complete -c kubectl -e
complete -c kubectl -f -a '(__kubectl_complete)'
`,
  powershell: `# PowerShell completion for kubectl
Register-ArgumentCompleter -Native -CommandName 'kubectl' -ScriptBlock {
    param($WordToComplete, $CommandAst, $CursorPosition)
    $line = $CommandAst.ToString()
    if ($CursorPosition -lt $line.Length) { $line = $line.Substring(0, $CursorPosition) }
    $words = @($line -split '\\s+' | Where-Object { $_ -ne '' })
    $program = $words[0]
    $rest = @($words | Select-Object -Skip 1)
    if ($WordToComplete -eq '') { $rest += '""' }
    $answer = @(Invoke-Expression "& $program __complete $($rest -join ' ')" 2>$null)
    if ($answer.Count -eq 0) { return }
    $directive = [int]($answer[-1].TrimStart(':'))
    if (($directive -band 24) -ne 0) { return }
    $head = if ($WordToComplete -match '^(--[^=]+=)') { $Matches[1] } else { '' }
    $space = if (($directive -band 2) -ne 0) { '' } else { ' ' }
    $found = @($answer | Select-Object -SkipLast 1)
    if ($found.Count -eq 0 -and ($directive -band 4) -ne 0) { return '' }
    foreach ($one in $found) {
        $word, $about = $one -split "\`t", 2
        if (-not $about) { $about = $word }
        [System.Management.Automation.CompletionResult]::new("$head$word$space", $word, 'ParameterValue', $about)
    }
}
`,
};
