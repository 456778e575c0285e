# The three kinds of target that this project has. Link what each one needs with target_link_libraries().
include(GoogleTest)

# A folder's static library; its headers are included from the repository's root ("core/units.h").
function(hat_add_library name)
  add_library(${name} STATIC ${ARGN})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE hat_warnings)
endfunction()

# The program bin/hat-<verb>, as target hat-<verb>; ./hat finds the verbs by this call and its words on
# the first line. All together are the target hat_programs; those with RUNTIME behind the verb, which
# need libtorch (call within if(HAT_HAS_RUNTIME)), the target hat_runtime_programs.
add_custom_target(hat_programs)
add_custom_target(hat_runtime_programs)
function(hat_add_program verb)
  cmake_parse_arguments(arg "RUNTIME" "" "" ${ARGN})
  set(all hat_programs)
  if(arg_RUNTIME)
    set(all hat_runtime_programs)
  endif()
  add_executable(hat-${verb} ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(hat-${verb} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(hat-${verb} PRIVATE hat_warnings hat_core)
  add_dependencies(${all} hat-${verb})
endfunction()

# For one test. Under a sanitizer every actor is a thread of its own, and some tests start 150,000.
set(hat_test_timeout_s 120)
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  set(hat_test_timeout_s 1200)
endif()

# The folder's tests as one program, hat_<folder>_test. They run in the repository's root, where they
# find tests/data; HAT_BIN_DIR is where the programs are. ctest calls them <folder>/Suite.Name.
function(hat_add_test folder)
  set(target hat_${folder}_test)
  add_executable(${target} ${ARGN})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${target} PRIVATE HAT_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  target_link_libraries(${target} PRIVATE hat_warnings GTest::gmock_main)
  gtest_discover_tests(${target} TEST_PREFIX ${folder}/ WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
                       NO_PRETTY_VALUES DISCOVERY_TIMEOUT 60 PROPERTIES LABELS fast
                       TIMEOUT ${hat_test_timeout_s})
endfunction()
