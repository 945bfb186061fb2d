import assert from 'node:assert/strict';
import { test } from 'node:test';
import { executeGoTemplate, parseGoTemplate, templateFields } from './go-template.ts';

const data = {
  name: 'a:1',
  manifest: { digest: 'sha256:x', size: 3, 'os.version': '10', manifests: [{ size: 1 }] },
  image: { 'linux/arm64': { architecture: 'arm64', rootfs: { type: 'layers' } } },
};
const show = (template: string) => executeGoTemplate(parseGoTemplate(template), data, template);

test('fields by their Go names, json, index, and the text around them', () => {
  assert.equal(show('{{.Name}} has {{ .Manifest.Size }} bytes'), 'a:1 has 3 bytes');
  assert.equal(show('{{.Manifest.OSVersion}}'), '10');
  assert.equal(show('{{json .Manifest.Manifests}}'), '[\n  {\n    "size": 1\n  }\n]');
  assert.equal(
    show('{{json (index .Image "linux/arm64")}}'),
    JSON.stringify(data.image['linux/arm64'], null, 2),
  );
  assert.equal(show('{{json (index .Image "linux/s390x")}}'), 'null');
  assert.deepEqual(JSON.parse(show('{{json .}}')), data);
  assert.equal(show('plain'), 'plain');
  assert.deepEqual(templateFields(parseGoTemplate('{{json .}}{{.Image.X}}')), ['', 'Image']);
});

test('what is not understood is refused, and so is a field that is not there', () => {
  for (const template of ['{{range .X}}', '{{.Name | json}}', '{{len .Name}}', '{{$x}}']) {
    assert.throws(() => parseGoTemplate(template), { code: 'UNSUPPORTED' }, template);
  }
  assert.throws(() => parseGoTemplate('{{.Name'), { code: 'USAGE' });
  assert.throws(() => show('{{.Nme}}'), { code: 'USAGE', hint: 'there is name, manifest, image' });
  assert.throws(() => show('{{.Manifest}}'), { code: 'UNSUPPORTED' });
});
