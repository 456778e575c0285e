# gRPC, for what talks over a network, and prometheus-cpp, for what it tells of itself. HAT_LIVE: AUTO
# builds it where both and protobuf's compiler are found, ON insists on them, OFF leaves it out. Sets
# HAT_HAS_LIVE.
set(HAT_LIVE AUTO CACHE STRING "Build the live cloud and devices: AUTO, ON or OFF")
set_property(CACHE HAT_LIVE PROPERTY STRINGS AUTO ON OFF)
if(NOT HAT_LIVE MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "HAT_LIVE is AUTO, ON or OFF, not '${HAT_LIVE}'")
endif()

set(HAT_HAS_LIVE OFF)
if(NOT HAT_LIVE STREQUAL OFF AND NOT HAT_PROFILE_ONLY)
  # By pkg-config: find_package(Torch) replaces the target protobuf::libprotobuf.
  pkg_check_modules(Grpc QUIET IMPORTED_TARGET grpc++ protobuf)
  pkg_check_modules(Prometheus QUIET IMPORTED_TARGET prometheus-cpp-core)
  find_program(HAT_PROTOC protoc)
  find_program(HAT_GRPC_PLUGIN grpc_cpp_plugin)
  if(Grpc_FOUND AND Prometheus_FOUND AND HAT_PROTOC AND HAT_GRPC_PLUGIN)
    set(HAT_HAS_LIVE ON)
    message(STATUS "live: gRPC ${Grpc_grpc++_VERSION}, protobuf ${Grpc_protobuf_VERSION}, "
                   "prometheus-cpp ${Prometheus_VERSION}")
  elseif(HAT_LIVE STREQUAL ON)
    message(FATAL_ERROR "HAT_LIVE=ON needs gRPC, protobuf's compiler and prometheus-cpp; Debian: "
                        "libgrpc++-dev protobuf-compiler-grpc prometheus-cpp-dev")
  else()
    message(STATUS "live: left out, gRPC, protobuf's compiler or prometheus-cpp is missing (HAT_LIVE=AUTO)")
  endif()
endif()
set(HAT_HAS_LIVE ${HAT_HAS_LIVE} CACHE INTERNAL "The live cloud and devices are part of this build")

# The static library <name> of a service: FILE.proto of this folder.
function(hat_add_service name proto)
  get_filename_component(base ${proto} NAME_WE)
  set(out ${CMAKE_CURRENT_BINARY_DIR})
  set(generated ${out}/${base}.pb.cc ${out}/${base}.pb.h ${out}/${base}.grpc.pb.cc ${out}/${base}.grpc.pb.h)
  add_custom_command(OUTPUT ${generated}
    COMMAND ${HAT_PROTOC} --proto_path=${CMAKE_CURRENT_SOURCE_DIR} --cpp_out=${out} --grpc_out=${out}
            --plugin=protoc-gen-grpc=${HAT_GRPC_PLUGIN} ${proto}
    DEPENDS ${proto} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} VERBATIM)
  add_library(${name} STATIC ${generated})
  set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
  target_include_directories(${name} SYSTEM PUBLIC ${out})
  target_link_libraries(${name} PUBLIC PkgConfig::Grpc)
endfunction()
