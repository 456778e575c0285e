# Headers that take seconds a file, compiled once and shared by many targets; the sources include them
# all the same. The targets must be compiled with the macros and -O of the headers: a mismatch is a
# warning (-Winvalid-pch). ccache keeps such files only if it may disregard when the header was compiled.
set(hat_precompiled_launcher ${CMAKE_CXX_COMPILER_LAUNCHER})
if(HAT_CCACHE)
  set(hat_precompiled_launcher
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

function(hat_launch_precompiled target)
  set_target_properties(${target} PROPERTIES CXX_COMPILER_LAUNCHER "${hat_precompiled_launcher}")
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
endfunction()

# The target that owns the headers; it needs what they need.
function(hat_precompile name)
  add_library(${name} OBJECT EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/cmake/precompiled.cc)
  target_link_libraries(${name} PRIVATE hat_warnings)
  target_precompile_headers(${name} PRIVATE ${ARGN})
  hat_launch_precompiled(${name})
endfunction()

function(hat_use_precompiled target owner)
  target_precompile_headers(${target} REUSE_FROM ${owner})
  hat_launch_precompiled(${target})
endfunction()
