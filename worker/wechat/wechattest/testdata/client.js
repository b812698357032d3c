// Drives co-wechat-api, unmodified, against a sandbox: node client.js BASE_URL APPID SECRET DIR.
// Prints one line of JSON for each call: what it gave, or the code of its error.
'use strict';
const fs = require('fs');
const path = require('path');
const crypto = require('crypto');
const WechatAPI = require('co-wechat-api');

const [base, appid, secret, dir] = process.argv.slice(2);
const api = new WechatAPI(appid, secret);
api.prefix = base + '/cgi-bin/';

const file = (name) => path.join(dir, name);
const say = (name, result) => console.log(JSON.stringify(Object.assign({ name }, result)));

async function attempt(name, call) {
  try {
    say(name, await call());
  } catch (err) {
    say(name, { code: err.code || String(err) });
  }
}

async function main() {
  await attempt('image', () => api.uploadImageMedia(file('photo.jpg')));
  await attempt('voice', () => api.uploadVoiceMedia(file('tone.amr')));
  await attempt('video', () => api.uploadVideoMedia(file('clip.mp4')));
  await attempt('thumb', () => api.uploadThumbMedia(file('photo.jpg')));
  await attempt('chinese', () => api.uploadMedia(file('photo.jpg'), 'image', '照片.jpg'));
  await attempt('buffer', async () => {
    const bytes = fs.readFileSync(file('shot.png'));
    const up = await api.uploadMedia(bytes, 'image', 'shot.png', 'image/png');
    const back = await api.getMedia(up.media_id);
    return { media_id: up.media_id, sha256: crypto.createHash('sha256').update(back).digest('hex') };
  });
  await attempt('wrong type', () => api.uploadVideoMedia(file('photo.jpg')));
  await attempt('no such media', () => api.getMedia('none'));
}

main();
