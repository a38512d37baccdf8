import { render } from 'preact';
import './ui/base.css';
import { registerServiceWorker } from './offline/register_service_worker';
import { applySettings } from './settings/settings';
import { App } from './ui/app';

const root = document.querySelector('#app');
if (root !== null) void applySettings().then(() => render(<App />, root));
addEventListener('load', () => void registerServiceWorker());
