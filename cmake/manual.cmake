# Run by `cmake --install` with HAT_PROGRAM, the installed hat: writes the manual page and bash's
# completion beside it. Both hold what the programs that are installed say of themselves.
cmake_path(GET HAT_PROGRAM PARENT_PATH prefix)
cmake_path(GET prefix PARENT_PATH prefix)

function(hat_says result)
  execute_process(COMMAND ${HAT_PROGRAM} ${ARGN} OUTPUT_VARIABLE text RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "'${HAT_PROGRAM} ${ARGN}' failed: ${code}")
  endif()
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

# As it stands, in a manual page.
function(hat_verbatim result text)
  string(REPLACE "\\" "\\e" text "${text}")
  string(REPLACE "-" "\\-" text "${text}")
  string(REGEX REPLACE "(^|\n)([.'])" "\\1\\\\&\\2" text "${text}")
  set(${result} ".nf\n${text}.fi\n" PARENT_SCOPE)
endfunction()

hat_says(version --version)
string(REGEX MATCH "^hat ([^ ]+)" _ "${version}")
set(version ${CMAKE_MATCH_1})
hat_says(usage --help)
hat_verbatim(verbatim "${usage}")
set(page ".TH HAT 1 \"\" \"hat ${version}\"\n.SH NAME\nhat \\- split inference of large language models, simulated and run\n")
string(APPEND page ".SH SYNOPSIS\n.B hat\nVERB [OPTIONS]\n.SH DESCRIPTION\n${verbatim}")

string(REGEX MATCHALL "\n  hat [a-z]+ ?[a-z]*" verbs "${usage}")
set(firsts "")
set(cases "")
foreach(verb ${verbs})
  string(REGEX REPLACE "^\n  hat ([a-z]+) ?([a-z]*)$" "\\1;\\2" words "${verb}")
  list(REMOVE_ITEM words "")
  list(JOIN words " " verb)
  list(GET words 0 first)
  list(APPEND firsts ${first})
  if(words MATCHES ";")
    list(GET words 1 second)
    list(APPEND seconds_of_${first} ${second})
  endif()
  hat_says(help ${words} --help)
  hat_verbatim(verbatim "${help}")
  string(TOUPPER "${verb}" heading)
  string(APPEND page ".SH \"HAT ${heading}\"\n${verbatim}")
  string(REGEX MATCHALL "[ ,]--[a-z][a-z-]*" options "${help}")
  list(TRANSFORM options REPLACE "^[ ,]" "")
  list(REMOVE_DUPLICATES options)
  list(JOIN options " " options)
  string(APPEND cases "    '${verb}' | '${verb} '*) words='${options}' ;;\n")
endforeach()
string(APPEND page ".SH \"SEE ALSO\"\nThe manual in ../share/doc/hat beside the program's folder.\n")
file(WRITE ${prefix}/share/man/man1/hat.1 "${page}")

list(REMOVE_DUPLICATES firsts)
set(groups "")
foreach(first ${firsts})
  if(seconds_of_${first})
    list(JOIN seconds_of_${first} " " seconds)
    string(APPEND groups "    ${first}) words='${seconds}' ;;\n")
  endif()
endforeach()
list(JOIN firsts " " firsts)
file(WRITE ${prefix}/share/bash-completion/completions/hat "# Completion of hat ${version} in bash: verbs, options, files.
_hat() {
  local words='' before=\"\${COMP_WORDS[*]:1:COMP_CWORD-1}\"
  case \"$before\" in
    '') words='${firsts} --help --version' ;;
${groups}${cases}  esac
  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"\${COMP_WORDS[COMP_CWORD]}\")
}
complete -o bashdefault -o default -F _hat hat
")
