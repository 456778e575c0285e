# The three kinds of target that this project has. Link what each one needs with target_link_libraries().
include(GoogleTest)
include(cmake/precompiled.cmake)

# For sources that take long to compile and no time to run (tests, the programs' mains, files of JSON):
# in a release build -O1 saves a third of the compiler's time.
set(hat_cold "$<$<CONFIG:Release>:-O1>")

hat_precompile(hat_program_headers <CLI/CLI.hpp> <fmt/format.h> <fmt/ranges.h>)
target_link_libraries(hat_program_headers PRIVATE CLI11::CLI11 fmt::fmt)
target_compile_options(hat_program_headers PRIVATE ${hat_cold})

if(TARGET GTest::gmock)  # HAT_PROFILE_ONLY has no tests
  hat_precompile(hat_test_headers <gmock/gmock.h> <nlohmann/json.hpp>)
  target_link_libraries(hat_test_headers PRIVATE GTest::gmock nlohmann_json::nlohmann_json)
  target_compile_options(hat_test_headers PRIVATE ${hat_cold})
endif()

# A folder's static library; its headers are included from the repository's root ("core/units.h").
function(hat_add_library name)
  add_library(${name} STATIC ${ARGN})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE hat_warnings)
endfunction()

# The program bin/hat-<verb>, as target hat-<verb>; ./hat finds the verbs by this call and its words on
# the first line, and builds that target alone: a program that starts another one depends on it. RUNTIME
# stands behind the verb of those that need libtorch (call within if(HAT_HAS_RUNTIME)). The first source
# is main's. The work is done in libraries: a program's own sources are compiled as cold.
function(hat_add_program verb)
  cmake_parse_arguments(arg "RUNTIME" "" "" ${ARGN})
  add_executable(hat-${verb} ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(hat-${verb} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(hat-${verb} PRIVATE ${hat_cold})
  target_link_libraries(hat-${verb} PRIVATE hat_warnings hat_core)
  list(POP_FRONT arg_UNPARSED_ARGUMENTS)
  if(NOT arg_RUNTIME)  # libtorch brings macros of its own
    hat_use_precompiled(hat-${verb} hat_program_headers)
    if(arg_UNPARSED_ARGUMENTS)  # CLI11 makes even an empty file take seconds
      set_source_files_properties(${arg_UNPARSED_ARGUMENTS} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endif()
endfunction()

# For one test. Under a sanitizer every actor is a thread of its own, and some tests start 150,000.
set(hat_test_timeout_s 120)
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  set(hat_test_timeout_s 1200)
endif()

# The folder's tests as one program, hat_<folder>_test. They run in the repository's root, where they
# find tests/data; HAT_BIN_DIR is where the programs are. ctest calls them <folder>/Suite.Name. With
# RUNTIME they are one entry in ctest, since a process with libtorch takes seconds to start, and use
# one thread each, so that they run side by side.
function(hat_add_test folder)
  cmake_parse_arguments(arg "RUNTIME" "" "" ${ARGN})
  string(REPLACE / _ target hat_${folder}_test)
  add_executable(${target} ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${target} PRIVATE HAT_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  target_compile_options(${target} PRIVATE ${hat_cold})
  target_link_libraries(${target} PRIVATE hat_warnings GTest::gmock_main)
  if(arg_RUNTIME)
    target_link_libraries(${target} PRIVATE hat_torch)
    hat_use_precompiled(${target} hat_cold_torch_header)
    add_test(NAME ${folder} COMMAND ${target} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${folder} PROPERTIES LABELS torch TIMEOUT 600 ENVIRONMENT OMP_NUM_THREADS=1)
  else()
    hat_use_precompiled(${target} hat_test_headers)
    gtest_discover_tests(${target} TEST_PREFIX ${folder}/ WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
                         NO_PRETTY_VALUES DISCOVERY_TIMEOUT 60 PROPERTIES LABELS fast
                         TIMEOUT ${hat_test_timeout_s})
  endif()
endfunction()
