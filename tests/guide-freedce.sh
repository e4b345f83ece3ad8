#!/bin/bash
# The guide for FreeDCE, followed to the letter in an empty directory, with an installed stuballoc.
. "$top_srcdir/tests/install-common.sh"

guide=$top_srcdir/doc/guide-freedce.md
server=
clean_up() {
  if [ -n "$server" ]; then kill -KILL "$server"; fi
  rm -rf "$stage"
} 2>/dev/null
trap clean_up EXIT

# write FILE: the code below the heading that names it
write() {
  awk -v heading="\`$1\`\$" '
    /^## / { here = $0 ~ heading }
    here && /^```/ { if (inside) exit; inside = 1; next }
    here && inside' "$guide" >"$1" && [ -s "$1" ]
}

write_all() {
  local file
  mkdir empty && cd empty || return 1
  for file in words.idl server.c client.c Makefile; do write "$file" || return 1; done
}

# The prefix of FreeDCE is not below the root, where pkg-config would have it
make_all() {
  cat >"$stage/pkg-config" <<END
#!/bin/bash
"$PKG_CONFIG" "\$@" | sed "s,$root$DCERPC_PREFIX,$DCERPC_PREFIX,g"
END
  chmod +x "$stage/pkg-config"
  export PATH=$stage:$DCERPC_PREFIX/bin:$PATH LD_LIBRARY_PATH=$libdir
  export PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$libdir/pkgconfig
  env -u MAKEFLAGS -u MAKELEVEL "$MAKE" CC="$CC"
}

# A port that is free now
free_port() {
  "$PYTHON3" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

runs() {
  local port
  port=$(free_port)
  ./server "$port" >said &
  server=$!
  eventually grep -q listening said && [ "$(./client "$port" ' a few  words')" = $'a\nfew\nwords' ]
}

check 'the guide has all files' write_all
check 'they build' make_all
check 'the server answers the client' runs
finish
