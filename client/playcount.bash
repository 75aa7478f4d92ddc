# bash completion for playcount(1)

_playcount()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local commands='get play list top reset import export replay bench monitor'
    local options='--server --shard --timeout --retries --cacert --json --quiet
        --help --version'
    local word command='' i

    # bash may take --option=value apart at the =.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $prev in
    --shard)
        mapfile -t COMPREPLY < <(compgen -W 'ketama modulo' -- "$cur")
        return ;;
    --cacert | --state | --report | --root | --deny-agents | --allow-agents | \
        --deny-addresses | --allow-addresses)
        compopt -o filenames 2> /dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return ;;
    --if-unsure)
        mapfile -t COMPREPLY < <(compgen -W 'again skip' -- "$cur")
        return ;;
    --format)
        mapfile -t COMPREPLY < <(compgen -W 'common combined vhost_common vhost_combined json media' -- "$cur")
        return ;;
    --window)
        mapfile -t COMPREPLY < <(compgen -W 'day rolling' -- "$cur")
        return ;;
    --bitrate)
        mapfile -t COMPREPLY < <(compgen -W 'auto whole' -- "$cur")
        return ;;
    --work)
        mapfile -t COMPREPLY < <(compgen -W 'get play batch' -- "$cur")
        return ;;
    -s | --server | --timeout | --retries | --by | --match | --status | --method | \
        --connections | --threads | --duration | --songs | --batch | --interval | --users | --think | --seconds)
        COMPREPLY=()
        return ;;
    esac

    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ " $commands " == *" $word "* ]]; then
            command=$word
            break
        fi
    done
    case $command in
    play) options+=' --by' ;;
    reset) options+=' --yes' ;;
    import) options+=' --if-unsure --delivered' ;;
    replay) options+=' --if-unsure --match --status --method --format --state --again
        --media --window --missing --dry-run --root --bitrate --seconds --deny-agents
        --allow-agents --deny-addresses --allow-addresses' ;;
    monitor) options+=' --once --interval' ;;
    bench) options+=' --work --connections --threads --duration --songs --batch --keys
        --users --think --report --page' ;;
    esac

    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
    elif [[ -z $command ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
    elif [[ $command == import || $command == export || $command == replay ]]; then
        compopt -o filenames 2> /dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    else
        COMPREPLY=()
    fi
}
complete -F _playcount playcount
