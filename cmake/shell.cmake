# What makes the program at home in a shell, made by the program itself: manual pages and completions,
# in ${PROJECT_BINARY_DIR}/shell as they are laid out below share/.
set(shell_dir ${PROJECT_BINARY_DIR}/shell)
set(shell_stamp ${shell_dir}.stamp)
if(NOT CMAKE_CROSSCOMPILING)
  add_custom_command(OUTPUT ${shell_stamp}
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${shell_dir}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${shell_dir}/bash-completion/completions
            ${shell_dir}/zsh/vendor-completions ${shell_dir}/fish/vendor_completions.d
    COMMAND faultline man --dir ${shell_dir}/man/man1
    COMMAND faultline completions bash > ${shell_dir}/bash-completion/completions/faultline
    COMMAND faultline completions zsh > ${shell_dir}/zsh/vendor-completions/_faultline
    COMMAND faultline completions fish > ${shell_dir}/fish/vendor_completions.d/faultline.fish
    COMMAND ${CMAKE_COMMAND} -E touch ${shell_stamp}
    DEPENDS faultline VERBATIM COMMENT "Manual pages and completions")
  add_custom_target(shell_files ALL DEPENDS ${shell_stamp})
  install(DIRECTORY ${shell_dir}/ DESTINATION ${CMAKE_INSTALL_DATADIR} COMPONENT program)
endif()
