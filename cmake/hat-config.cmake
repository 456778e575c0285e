# find_package(hat): the targets hat::core, hat::world, hat::protocol, hat::profiles, hat::experiments. A
# header is included by its path, as "protocol/frame.h".
include(CMakeFindDependencyMacro)
find_dependency(fmt)
find_dependency(nlohmann_json)
find_dependency(CLI11)
find_dependency(OpenSSL COMPONENTS Crypto)
set(Boost_USE_STATIC_LIBS ON)
find_dependency(Boost 1.74 COMPONENTS context)
find_dependency(Eigen3)
find_dependency(PkgConfig)
pkg_search_module(NLopt REQUIRED IMPORTED_TARGET nlopt_cxx nlopt)
find_dependency(SQLite3)
include(${CMAKE_CURRENT_LIST_DIR}/hat-targets.cmake)
