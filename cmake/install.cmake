# `cmake --install`: the programs, what they read, their manual, and libraries for find_package(hat). A
# program finds share/hat and lib/hat beside its bin, wherever the prefix is.
if(HAT_PROFILE_ONLY)
  install(TARGETS hat-profile RUNTIME DESTINATION bin)
  return()
endif()

install(TARGETS hat RUNTIME DESTINATION bin)
install(TARGETS hat_simgrid_module LIBRARY DESTINATION lib/hat)
if(HAT_HAS_RUNTIME)
  install(TARGETS hat-torch RUNTIME DESTINATION bin)
  install(TARGETS hat_sentencepiece LIBRARY DESTINATION lib/hat)
endif()
if(HAT_HAS_RUNTIME AND HAT_HAS_LIVE)
  install(TARGETS hat-live RUNTIME DESTINATION bin)
endif()

set(hat_scenarios measured paper scale siblings sweeps validation workloads)  # the folders of experiments/ that hold no code
foreach(folder ${hat_scenarios})
  install(DIRECTORY experiments/${folder} DESTINATION share/hat/experiments
          FILES_MATCHING PATTERN *.toml PATTERN *.csv PATTERN *.md)
endforeach()
install(DIRECTORY profiles/data DESTINATION share/hat/profiles FILES_MATCHING PATTERN *.json)
install(DIRECTORY figures DESTINATION share/hat FILES_MATCHING PATTERN *.toml)
install(DIRECTORY models DESTINATION share/hat)
install(DIRECTORY plots DESTINATION share/hat FILES_MATCHING PATTERN *.py)
install(FILES README.md CHANGES.md LICENSE DESTINATION share/doc/hat)
install(DIRECTORY docs DESTINATION share/doc/hat)

# The manual page and bash's completion are what the programs say with --help.
install(CODE "set(HAT_PROGRAM \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/bin/hat\")")
install(SCRIPT cmake/manual.cmake)

set(hat_libraries core world protocol profiles experiments)
foreach(folder ${hat_libraries})
  set_target_properties(hat_${folder} PROPERTIES EXPORT_NAME ${folder})
  install(TARGETS hat_${folder} EXPORT hat-targets ARCHIVE DESTINATION lib)
  list(TRANSFORM hat_scenarios REPLACE ".+" "PATTERN;\\0;EXCLUDE" OUTPUT_VARIABLE without)
  install(DIRECTORY ${folder} DESTINATION include/hat FILES_MATCHING PATTERN *.h PATTERN data EXCLUDE ${without})
endforeach()
install(EXPORT hat-targets NAMESPACE hat:: DESTINATION lib/cmake/hat)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/hat-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_SOURCE_DIR}/cmake/hat-config.cmake ${PROJECT_BINARY_DIR}/hat-config-version.cmake
        DESTINATION lib/cmake/hat)
