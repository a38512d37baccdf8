/** Draws a person in front of a wall, for screenshots. */

import type { Page } from 'playwright-core';

export interface Portrait {
  wall: readonly [string, string];
  skin: string;
  hair: string;
  shirt: string;
}

export const PORTRAITS: readonly Portrait[] = [
  { wall: ['#cfe3e6', '#7fa7b3'], skin: '#e3b08c', hair: '#5a3826', shirt: '#b5482f' },
  { wall: ['#efe3c8', '#c3a36b'], skin: '#8d5a3b', hair: '#1f1a18', shirt: '#2f6b57' },
  { wall: ['#dcd6ea', '#8f84b5'], skin: '#f0c9a6', hair: '#c98a3a', shirt: '#2b3f6b' },
];

/** From the next page load, the camera shows this portrait. */
export async function portray(page: Page, portrait: Portrait | undefined): Promise<void> {
  if (portrait === undefined) throw new Error('there is no such portrait');
  await page.addInitScript(({ wall, skin, hair, shirt }) => {
    const devices = navigator.mediaDevices;
    const working = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (constraints) => {
      if (constraints?.video === undefined) return working(constraints);
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [640, 360];
      const pen = canvas.getContext('2d');
      if (pen === null) return working(constraints);
      const light = pen.createLinearGradient(0, 0, 640, 360);
      light.addColorStop(0, wall[0]);
      light.addColorStop(1, wall[1]);
      const disc = (x: number, y: number, width: number, height: number, fill: string): void => {
        pen.fillStyle = fill;
        pen.beginPath();
        pen.ellipse(x, y, width, height, 0, 0, Math.PI * 2);
        pen.fill();
      };
      let step = 0;
      setInterval(() => {
        const sway = Math.sin(step / 12) * 5;
        step += 1;
        pen.fillStyle = light;
        pen.fillRect(0, 0, 640, 360);
        disc(320, 400, 185, 150, shirt);
        pen.fillStyle = skin;
        pen.fillRect(292 + sway / 2, 215, 56, 60);
        disc(320 + sway, 128, 84, 98, hair);
        disc(320 + sway, 152, 66, 86, skin);
        disc(296 + sway, 142, 6, 7, '#2a1d17');
        disc(344 + sway, 142, 6, 7, '#2a1d17');
        pen.strokeStyle = '#8a3b34';
        pen.lineWidth = 5;
        pen.lineCap = 'round';
        pen.beginPath();
        pen.arc(320 + sway, 180, 22, 0.25 * Math.PI, 0.75 * Math.PI);
        pen.stroke();
      }, 100);
      return canvas.captureStream(10);
    };
  }, portrait);
}
