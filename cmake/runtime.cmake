# libtorch, and the targets that are built with it. HAT_RUNTIME: AUTO builds the runtime where libtorch
# and what reads tokenizers are found, ON insists on them, OFF leaves the runtime out. Sets HAT_HAS_RUNTIME.
#
# A libtorch of one's own (CUDA, Jetson): its folder in CMAKE_PREFIX_PATH. With CUDA in it there is
# HAT_HAS_CUDA, and kernels are compiled for the GPUs of TORCH_CUDA_ARCH_LIST.
set(HAT_RUNTIME AUTO CACHE STRING "Build the libtorch runtime: AUTO, ON or OFF")
set_property(CACHE HAT_RUNTIME PROPERTY STRINGS AUTO ON OFF)
if(NOT HAT_RUNTIME MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "HAT_RUNTIME is AUTO, ON or OFF, not '${HAT_RUNTIME}'")
endif()

# A macro, so that what find_package(Torch) defines is seen by the whole project. It replaces the
# target protobuf::libprotobuf, so protobuf is never asked for by that name: pkg-config has it.
macro(hat_find_runtime)
  # A CUDA libtorch switches CUDA on by itself and reads both.
  if(NOT DEFINED CMAKE_CUDA_STANDARD)
    set(CMAKE_CUDA_STANDARD 17)
  endif()
  if(NOT DEFINED TORCH_CUDA_ARCH_LIST AND CMAKE_SYSTEM_PROCESSOR STREQUAL x86_64)
    set(TORCH_CUDA_ARCH_LIST "8.0;8.6;9.0+PTX")  # A100, A6000, H100 and newer; a Jetson asks its GPU
  endif()
  find_package(Torch QUIET)
  if(HAT_PROFILE_ONLY)
    set(HAT_HAS_TOKENIZERS ON)  # not needed
  else()
    pkg_check_modules(SentencePiece QUIET IMPORTED_TARGET sentencepiece)
    pkg_check_modules(Pcre2 QUIET IMPORTED_TARGET libpcre2-8)
    pkg_check_modules(Utf8proc QUIET IMPORTED_TARGET libutf8proc)
    if(SentencePiece_FOUND AND Pcre2_FOUND AND Utf8proc_FOUND)
      set(HAT_HAS_TOKENIZERS ON)
    endif()
  endif()
endmacro()

set(HAT_HAS_RUNTIME OFF)
if(NOT HAT_RUNTIME STREQUAL OFF)
  hat_find_runtime()
  if(Torch_FOUND AND HAT_HAS_TOKENIZERS)
    set(HAT_HAS_RUNTIME ON)
    message(STATUS "runtime: libtorch ${Torch_VERSION}, sentencepiece ${SentencePiece_VERSION}, "
                   "PCRE2 ${Pcre2_VERSION}, utf8proc ${Utf8proc_VERSION}")
  elseif(HAT_RUNTIME STREQUAL ON)
    message(FATAL_ERROR "HAT_RUNTIME=ON needs libtorch (found: ${Torch_FOUND}), sentencepiece "
                        "(${SentencePiece_FOUND}), PCRE2 (${Pcre2_FOUND}), utf8proc (${Utf8proc_FOUND}); "
                        "Debian: libtorch-dev libsentencepiece-dev libpcre2-dev libutf8proc-dev")
  else()
    message(STATUS "runtime: left out, libtorch, sentencepiece, PCRE2 or utf8proc is missing (HAT_RUNTIME=AUTO)")
  endif()
endif()
set(HAT_HAS_RUNTIME ${HAT_HAS_RUNTIME} CACHE INTERNAL "The runtime is part of this build")
if(NOT HAT_HAS_RUNTIME)
  return()
endif()

add_library(hat_torch INTERFACE)
# A wheel has headers of another fmt among its own: the distribution's, through a link, come first.
get_target_property(hat_fmt_headers fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
foreach(folder ${TORCH_INCLUDE_DIRS})
  file(REAL_PATH ${folder} real)
  if(EXISTS ${real}/fmt AND NOT real STREQUAL hat_fmt_headers)
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/headers)
    file(CREATE_LINK ${hat_fmt_headers}/fmt ${PROJECT_BINARY_DIR}/headers/fmt SYMBOLIC)
    target_include_directories(hat_torch SYSTEM INTERFACE ${PROJECT_BINARY_DIR}/headers)
  endif()
endforeach()
target_include_directories(hat_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
# PyPI's libtorch.so exports parts of std::filesystem that crash where they stand in for the compiler's:
# the compiler's library comes first.
target_link_libraries(hat_torch INTERFACE stdc++ ${TORCH_LIBRARIES})
# Without it at::parallel_for, a template, is compiled into a plain loop, and nobody is told.
find_package(OpenMP REQUIRED COMPONENTS CXX)
target_link_libraries(hat_torch INTERFACE OpenMP::OpenMP_CXX)
set(HAT_HAS_CUDA OFF)
if(TARGET torch_cuda)
  set(HAT_HAS_CUDA ON)
endif()

# ATen/ATen.h takes 8 s a file, precompiled 1 s. Not torch/torch.h: what it leaves to be instantiated at the
# end of each file takes 15 s, precompiled or not. Twice, since a compiler refuses headers of another -O.
hat_precompile(hat_torch_header <ATen/ATen.h>)
target_link_libraries(hat_torch_header PRIVATE hat_torch)
hat_precompile(hat_cold_torch_header <ATen/ATen.h>)
target_link_libraries(hat_cold_torch_header PRIVATE hat_torch)
target_compile_options(hat_cold_torch_header PRIVATE ${hat_cold})

# A folder's static library, as hat_add_library, with libtorch.
function(hat_add_runtime_library name)
  hat_add_library(${name} ${ARGN})
  target_link_libraries(${name} PUBLIC hat_torch)
  hat_use_precompiled(${name} hat_torch_header)
endfunction()

# The tests of runtime/<folder>, program hat_runtime_<folder>_test.
function(hat_add_runtime_test folder)
  hat_add_test(runtime/${folder} RUNTIME ${ARGN})
endfunction()
