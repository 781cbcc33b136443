# What `cmake --install` puts where, in two components:
#   program  faultline, the embedded store refkv, the configurations, the documentation
#   library  what find_package(faultline) finds; a page in docs/library.md
# An installed library needs at link time what its room links; headers alone (BUILD_INTERFACE in the
# room's line) it does not. Whatever else a room of the library comes to link, name it in
# faultline-config.cmake.in and in package.cmake: `./dev test --ci` builds a program against both.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS faultline RUNTIME COMPONENT program)
install(TARGETS refkv RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/faultline COMPONENT program)
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/faultline COMPONENT program)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program
        FILES_MATCHING PATTERN *.md)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright COMPONENT program)

# library_room(NAME EXPORT set HEADERS file…): the room as faultline::NAME. Headers keep their place
# below one folder of their own, since they include each other from the root of the tree.
function(library_room name)
  cmake_parse_arguments(LIBRARY "" "EXPORT" "HEADERS" ${ARGN})
  add_library(faultline::${name} ALIAS faultline_${name})
  set_target_properties(faultline_${name} PROPERTIES EXPORT_NAME ${name})
  target_sources(faultline_${name} PUBLIC FILE_SET HEADERS
                 BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${LIBRARY_HEADERS})
  install(TARGETS faultline_${name} EXPORT ${LIBRARY_EXPORT}
          ARCHIVE COMPONENT library
          FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/faultline COMPONENT library)
endfunction()

file(GLOB core_headers CONFIGURE_DEPENDS harness/core/*.h)
library_room(core     EXPORT faultline-targets    HEADERS ${core_headers})
library_room(checkers EXPORT faultline-targets    HEADERS checkers/checkers.h checkers/list.def)
library_room(io       EXPORT faultline-io-targets HEADERS harness/io/load.h)
target_compile_features(faultline_core PUBLIC cxx_std_20)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/faultline)
foreach(set faultline-targets faultline-io-targets)
  install(EXPORT ${set} NAMESPACE faultline:: DESTINATION ${config_dir} COMPONENT library)
endforeach()
configure_package_config_file(cmake/faultline-config.cmake.in
  ${PROJECT_BINARY_DIR}/faultline-config.cmake INSTALL_DESTINATION ${config_dir}
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/faultline-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/faultline-config.cmake
              ${PROJECT_BINARY_DIR}/faultline-config-version.cmake
        DESTINATION ${config_dir} COMPONENT library)
