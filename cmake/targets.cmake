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

# Sources that a unity build compiles one by one; to be called in their target's folder.
function(hat_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# A folder's static library; its headers are included from the repository's root ("core/units.h").
function(hat_add_library name)
  add_library(${name} STATIC ${ARGN})
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:include/hat>)
  target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:hat_warnings>)
endfunction()

# The program bin/<name>; ./hat builds the one that cli/known_verbs.cc names for a verb, and that target
# alone: a program that starts another one depends on it.
function(hat_add_program name)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${hat_cold})
  target_link_libraries(${name} PRIVATE hat_warnings hat_core)
endfunction()

# A library of verbs (cli/): the work is done in the libraries below, so it is compiled as cold. RUNTIME
# stands after the name of one that needs libtorch, which brings macros of its own.
function(hat_add_verbs name)
  cmake_parse_arguments(arg "RUNTIME" "" "" ${ARGN})
  hat_add_library(${name} ${arg_UNPARSED_ARGUMENTS})
  target_compile_options(${name} PRIVATE ${hat_cold})
  if(NOT arg_RUNTIME)
    hat_use_precompiled(${name} hat_program_headers)
  endif()
endfunction()

# For one test. Under a sanitizer every actor is a thread of its own, and some tests start 150,000.
set(hat_test_timeout_s 120)
set(hat_sanitized "HAT_SANITIZED=")  # for tests in Python: "address", "thread" or nothing
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=([a-z]+)")
  set(hat_test_timeout_s 1200)
  set(hat_sanitized "HAT_SANITIZED=${CMAKE_MATCH_1}")
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
