# Debian packages, a component of install.cmake each: `./dev package`, or `cpack` in a release build.
#   faultline          the program, its store, configurations and documentation
#   libfaultline-dev   headers, static libraries and what find_package() wants
set(FAULTLINE_MAINTAINER "The Faultline authors <faultline@example.org>" CACHE STRING
    "Who answers for the packages built here: Name <address>")

set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME faultline)
set(CPACK_PACKAGE_VENDOR Faultline)
set(CPACK_PACKAGE_CONTACT "${FAULTLINE_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program library)
# Whatever the umask of whoever builds.
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
    GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME faultline)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION devel)
# Shared libraries by dpkg-shlibdeps; nft(8) is run as a program.
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS nftables)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS iptables)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "etcd-server, postgresql, libfaultline-dev")
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION
"fault injection and consistency checking for distributed stores
Faultline starts a real distributed store as real processes on this machine,
breaks the world around it (crashes, pauses, network partitions), records what
every client saw, and proves from that record alone which consistency models
were violated. It needs neither containers nor virtual machines, and no root
where the kernel allows user namespaces.

An x86-64-v3 processor (AVX2) is needed; \"faultline doctor\" says what else.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libfaultline-dev)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS "libcadical-dev, libsimdjson-dev, zlib1g-dev, libzstd-dev")
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION
"consistency checkers of Faultline as a C++ library
Histories of what the clients of a store saw, and checkers that prove from a
history which consistency models were violated: the part of Faultline that
needs no running store. Static libraries, C++20, and a package file for
find_package(faultline) in CMake.

Programs linked with it need an x86-64-v3 processor (AVX2).")

# Debian wants a changelog in every package, and a copyright beside it.
find_program(GZIP gzip)
if(GZIP)
  set(changelog ${PROJECT_BINARY_DIR}/changelog)
  file(WRITE ${changelog} "faultline (${PROJECT_VERSION}) unstable; urgency=medium\n\n"
       "  * See the history of the repository.\n\n"
       " -- ${FAULTLINE_MAINTAINER}  Sat, 21 Nov 2026 00:00:00 +0000\n")
  execute_process(COMMAND ${GZIP} -9nf ${changelog} COMMAND_ERROR_IS_FATAL ANY)
  install(FILES ${changelog}.gz DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
  install(FILES ${changelog}.gz DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libfaultline-dev
          COMPONENT library)
endif()
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libfaultline-dev RENAME copyright
        COMPONENT library)

include(CPack)
