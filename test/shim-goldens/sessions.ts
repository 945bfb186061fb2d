export interface Step {
  /** `{{host}}` is the registry. */
  readonly args: readonly string[];
  /** Written before the command runs. */
  readonly files?: Readonly<Record<string, string>>;
  /** Names to read back from the registry afterwards. */
  readonly leaves?: readonly string[];
  /** A tar that the command writes. */
  readonly writes?: string;
}

/** Command lines in one directory, with one `DOCKER_CONFIG`. */
export interface Session {
  readonly tool: 'crane' | 'docker-manifest' | 'imagetools' | 'manifest-tool' | 'skopeo';
  readonly name: string;
  readonly steps: readonly Step[];
}

const at = (name: string, tag = '1'): string => `{{host}}/${name}:${tag}`;
const words = (line: string): string[] =>
  line.split(' ').map((word) => word.replace(/^(docker:\/\/)?@(?=[a-z])/, '$1{{host}}/'));
/** `@name:tag` is a name of the registry. */
const run = (line: string, more: Omit<Step, 'args'> = {}): Step => ({ args: words(line), ...more });

const crane: readonly Session[] = [
  {
    tool: 'crane',
    name: 'read',
    steps: [
      run('manifest @amd64:1'),
      run('manifest @index:1'),
      run('manifest --platform linux/arm64 @index:1'),
      run('manifest --platform linux/s390x @index:1'),
      run('manifest @nothing:1'),
      run('config @amd64:1'),
      run('config @index:1'),
      run('config --platform linux/arm/v7 @index:1'),
      run('digest @index:1'),
      run('digest --full-ref @index:1'),
      run('digest --platform linux/arm64 @index:1'),
      run('digest --platform linux/arm64 --full-ref @index:1'),
      run('ls @index'),
      run('ls --full-ref @index'),
      run('ls -O @index'),
      run('ls @nothing'),
      run('validate --remote @amd64:1'),
      run('validate --remote @index:1'),
      run('validate --remote @index:1 --fast'),
      run('validate --remote @attested-one:1'),
      run('validate'),
    ],
  },
  {
    tool: 'crane',
    name: 'write',
    steps: [
      run('copy @index:1 @copied:1', { leaves: [at('copied')] }),
      run('copy --platform linux/arm64 @index:1 @copied:one', { leaves: [at('copied', 'one')] }),
      run('cp @amd64:1 @copied:one -n'),
      run('copy -a @index @all', { leaves: [at('all')] }),
      run('export @app:1 out.tar', { writes: 'out.tar' }),
      run('export --platform linux/arm64 @index:1 index.tar', { writes: 'index.tar' }),
      run('append -f layer.tar.gz -t @appended:1', { leaves: [at('appended')] }),
      run('append -f layer.tar.gz -t @appended:oci --oci-empty-base', { leaves: [at('appended', 'oci')] }),
      run('append -b @base:1 -f layer.tar.gz -t @appended:2', { leaves: [at('appended', '2')] }),
      run('append -b @docker-amd64:1 -f layer.tar.gz -t @appended:3', { leaves: [at('appended', '3')] }),
      run('append -b @base:1 -f layer.tar.gz -t @appended:4 --set-base-image-annotations', {
        leaves: [at('appended', '4')],
      }),
      run('mutate @base:1 -t @mutated:1 -l a=b -e B=2 -u nobody -w /srv', { leaves: [at('mutated')] }),
      run('mutate @base:1 -t @mutated:2 --entrypoint /a,b --cmd c', { leaves: [at('mutated', '2')] }),
      run('mutate @base:1 -t @mutated:3 --entrypoint /a', { leaves: [at('mutated', '3')] }),
      run('mutate @base:1 -t @mutated:4 -a x=y --exposed-ports 80,53/udp', { leaves: [at('mutated', '4')] }),
      run('mutate @base:1 -t @mutated:5 --set-platform linux/arm/v6', { leaves: [at('mutated', '5')] }),
      run('mutate @docker-amd64:1 -t @mutated:6 -e A=2 --append layer.tar.gz', {
        leaves: [at('mutated', '6')],
      }),
      run('mutate @base:1 -l a=<b>'),
      run('mutate @index:1 -t @mutated:7 -l a=b', { leaves: [at('mutated', '7')] }),
      run('rebase @app:1 --old_base @base:1 --new_base @next-base:1 -t @rebased:1', {
        leaves: [at('rebased')],
      }),
      run('rebase @app:1 --old_base @next-base:1 --new_base @base:1 -t @rebased:2'),
      run('rebase @app:1 -t @rebased:3'),
    ],
  },
];

const dockerManifest: readonly Session[] = [
  {
    tool: 'docker-manifest',
    name: 'list',
    steps: [
      run('create --insecure @list:1 @docker-amd64:1 @docker-arm64:1'),
      run('create --insecure @list:1 @docker-amd64:1'),
      run('inspect --insecure @list:1'),
      run('inspect --insecure @list:1 @docker-arm64:1'),
      run('inspect --insecure -v @list:1'),
      run('annotate @list:1 @docker-arm64:1 --arch arm64 --variant v8 --os linux'),
      run('annotate @list:1 @docker-amd64:1 --os-version 1.2 --os-features a,b'),
      run('annotate @list:1 @nothing:1 --arch arm64'),
      run('inspect --insecure @list:1'),
      run('push --insecure @list:1', { leaves: [at('list')] }),
      run('push --insecure --purge @list:1', { leaves: [at('list')] }),
      run('push --insecure @list:1'),
      run('inspect --insecure -v @list:1'),
      run('inspect --insecure @index:1'),
      run('inspect --insecure -v @index:1'),
      run('inspect --insecure @docker-amd64:1'),
      run('inspect --insecure -v @docker-amd64:1'),
      run('inspect --insecure @amd64:1'),
      run('inspect --insecure -v @amd64:1'),
      run('inspect --insecure @nothing:1'),
      run('rm @list:1'),
    ],
  },
  {
    tool: 'docker-manifest',
    name: 'oci',
    steps: [
      run('create --insecure @oci:1 @amd64:1 @arm64:1 @arm-v7:1'),
      run('create --insecure --amend @oci:1 @arm64:1'),
      run('inspect --insecure @oci:1'),
      run('push --insecure @oci:1', { leaves: [at('oci')] }),
      run('rm @oci:1'),
      run('create --insecure @oci:2 @attested-one:1'),
      run('create --insecure @oci:3 @nothing:1'),
      run('create --insecure @oci:3'),
    ],
  },
];

const imagetools: readonly Session[] = [
  {
    tool: 'imagetools',
    name: 'create',
    steps: [
      run('create -t @tools:1 @amd64:1 @arm64:1', { leaves: [at('tools')] }),
      run('create -t @tools:1 --append @arm-v7:1', { leaves: [at('tools')] }),
      run('create -t @tools:2 @attested:1', { leaves: [at('tools', '2')] }),
      run('create -t @tools:3 @attested-one:1 @amd64:1', { leaves: [at('tools', '3')] }),
      run('create -t @tools:4 @amd64:1', { leaves: [at('tools', '4')] }),
      run('create -t @tools:5 --prefer-index=false @amd64:1', { leaves: [at('tools', '5')] }),
      run('create -t @tools:6 @docker-amd64:1 @docker-arm64:1', { leaves: [at('tools', '6')] }),
      run(
        'create -t @tools:7 --annotation index:a=b --annotation manifest-descriptor[linux/arm64]:c=d @amd64:1 @arm64:1',
        {
          leaves: [at('tools', '7')],
        },
      ),
      run('create --dry-run @amd64:1 @arm64:1'),
      run('create -t @tools:9 @nothing:1'),
      run('inspect --raw @index:1'),
      run('inspect @index:1'),
      run('inspect @attested:1'),
      run('inspect @amd64:1'),
      run('inspect --format {{json\u00a0.Manifest}} @index:1'),
      run('inspect --format {{.Name}} @index:1'),
      run('inspect --format {{.Manifest.Digest}} @index:1'),
      run('inspect --format {{json\u00a0.Image}} @amd64:1'),
      run('inspect --format {{json\u00a0(index\u00a0.Image\u00a0"linux/arm64")}} @index:1'),
    ].map((step) => ({ ...step, args: step.args.map((word) => word.replaceAll('\u00a0', ' ')) })),
  },
];

const spec = `image: {{host}}/spec:1
tags: ["2", latest]
manifests:
  - image: {{host}}/docker-arm64:1
    platform:
      architecture: arm64
      os: linux
  - image: {{host}}/docker-amd64:1
    platform:
      architecture: amd64
      os: linux
`;

const manifestTool: readonly Session[] = [
  {
    tool: 'manifest-tool',
    name: 'push',
    steps: [
      run('--plain-http push from-spec spec.yml', {
        files: { 'spec.yml': spec },
        leaves: [at('spec'), at('spec', '2'), at('spec', 'latest')],
      }),
      run(
        '--plain-http push --type oci from-args --platforms linux/amd64,linux/arm64,linux/arm/v7 --template @ARCHVARIANT:1 --target @args:1',
      ),
      run(
        '--plain-http push --type oci from-args --platforms linux/amd64,linux/arm64 --template @ARCH:1 --target @args:1 --tags 2,3',
        {
          leaves: [at('args'), at('args', '2'), at('args', '3')],
        },
      ),
      run(
        '--plain-http push --type oci from-args --platforms linux/amd64,linux/s390x --template @ARCH:1 --target @args:4',
      ),
      run(
        '--plain-http push --type oci from-args --platforms linux/amd64,linux/s390x --template @ARCH:1 --target @args:5 --ignore-missing',
        {
          leaves: [at('args', '5')],
        },
      ),
      run(
        '--plain-http push --type oci from-args --platforms linux/amd64 --template @ARCH:1 --target @args:6 --annotations a=b',
        {
          leaves: [at('args', '6')],
        },
      ),
      run(
        '--plain-http push --type docker from-args --platforms linux/amd64 --template @docker-ARCH:1 --target @args:7',
        {
          leaves: [at('args', '7')],
        },
      ),
      run(
        '--plain-http push --type oci from-args --platforms linux/arm64 --template @attested-one:1 --target @args:8',
      ),
      run('--plain-http inspect --raw @index:1'),
      run('--plain-http inspect --raw @amd64:1'),
      run('--plain-http inspect --raw --expand-config @amd64:1'),
      run('--plain-http inspect --raw --expand-config @index:1'),
      run('--plain-http inspect @index:1'),
      run('--plain-http inspect @amd64:1'),
      run('--plain-http inspect @attested:1'),
    ],
  },
];

const both = '--src-tls-verify=false --dest-tls-verify=false';
const skopeo: readonly Session[] = [
  {
    tool: 'skopeo',
    name: 'registries',
    steps: [
      // The two of the article, its registries replaced.
      run('inspect --tls-verify=false --raw docker://@attested-one:1'),
      run(`copy --quiet ${both} --multi-arch=all docker://@index:1 docker://@skopeo:1`, {
        leaves: [at('skopeo')],
      }),
      run(`copy --quiet ${both} --all --preserve-digests docker://@attested:1 docker://@skopeo:2`, {
        leaves: [at('skopeo', '2')],
      }),
      run(`--override-arch arm64 copy --quiet ${both} docker://@index:1 docker://@skopeo:3`, {
        leaves: [at('skopeo', '3')],
      }),
      run(`--override-arch s390x copy --quiet ${both} docker://@index:1 docker://@skopeo:4`),
      run(`copy --quiet ${both} docker://@nothing:1 docker://@skopeo:4`),
      run('inspect --tls-verify=false --config --raw docker://@amd64:1'),
      run('inspect --tls-verify=false --no-tags --format {{.Digest}} docker://@index:1'),
      run('inspect --tls-verify=false docker://@docker-amd64:1'),
      run('list-tags --tls-verify=false docker://@skopeo'),
      run('inspect --tls-verify=false --raw @index:1'),
    ],
  },
  {
    tool: 'skopeo',
    name: 'sync',
    steps: [
      run(`sync ${both} --all --src docker --dest docker @index @synced`, { leaves: [at('synced/index')] }),
      run(`sync ${both} --src docker --dest docker @docker-amd64:1 @synced`, {
        leaves: [at('synced/docker-amd64')],
      }),
      run(`--override-arch arm64 sync ${both} -s docker -d docker @index:1 @synced/arm`, {
        leaves: [at('synced/arm/index')],
      }),
      run(`sync ${both} --all --append-suffix -old --src docker --dest docker @index:1 @synced`, {
        leaves: [at('synced/index', '1-old')],
      }),
      run(`sync ${both} --dry-run --all --src docker --dest docker @amd64 @dry`),
      run('list-tags --tls-verify=false docker://@dry/amd64'),
      run(`sync ${both} --src docker --dest docker @nothing @synced`),
      run(`sync ${both} --scoped --src docker --dest docker @amd64 @scoped`),
      run(`sync --dest-tls-verify=false --all --src yaml --dest docker list.yml @listed`, {
        files: {
          'list.yml': `"{{host}}":
  tls-verify: false
  images:
    amd64: []
  images-by-tag-regex:
    index: ^[0-9]$
  images-by-semver:
    docker-amd64: ">= 1"
`,
        },
        leaves: [at('listed/amd64'), at('listed/index'), at('listed/docker-amd64')],
      }),
      run('delete --tls-verify=false docker://@synced/index:1-old'),
      run('list-tags --tls-verify=false docker://@synced/index'),
      run('delete --tls-verify=false docker://@synced/docker-amd64:1'),
      run('delete --tls-verify=false docker://@synced/docker-amd64:1'),
      run('delete --tls-verify=false docker://@nothing:1'),
    ],
  },
];

export const sessions: readonly Session[] = [
  ...skopeo,
  ...crane,
  ...dockerManifest,
  ...imagetools,
  ...manifestTool,
];
