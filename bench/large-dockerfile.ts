// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the words of a Dockerfile look like this
/** A Dockerfile of 1,000 lines and 60 stages, as a generated one of a large repository looks: chains of stages, variables, continuations, heredocs. */
export function largeDockerfile(): string {
  const lines: string[] = ['# syntax=docker/dockerfile:1', 'ARG VERSION=1', 'ARG NAME=app'];
  const stages = 60;
  for (let stage = 0; stage < stages; stage++) {
    const base = stage % 3 === 0 ? 'scratch' : `s${stage - 1}`;
    lines.push(
      '',
      `# s${stage} is stage ${stage}`,
      `FROM ${base} AS s${stage}`,
      'ARG VERSION TARGETARCH',
      'ARG NAME=x',
    );
    lines.push(`ENV PATH_${stage}=/opt/\${NAME}/\${VERSION:-0} DEBUG="\${DEBUG:+-g} $NAME"`);
    lines.push(`WORKDIR /src/$NAME/${stage}`);
    if (stage > 1) lines.push(`COPY --from=s${stage - 2} --chown=1:1 /src /from/${stage}`);
    lines.push('COPY <<-EOF /etc/conf', '\tname = $NAME', '\tversion = ${VERSION#v}', '\tEOF');
    lines.push('RUN set -e; \\', '    # why', '    make -j2 VERSION=$VERSION \\', '      && make install');
    lines.push(`LABEL org.example.stage="${stage}" org.example.name=\${NAME//a/b}`);
  }
  while (lines.length < 999) lines.push(`LABEL l${lines.length}=$VERSION`);
  return `${[...lines.slice(0, 999), 'CMD ["/bin/app"]'].join('\n')}\n`;
}
