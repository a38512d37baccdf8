import { render } from 'preact';
import './ui/base.css';
import { App } from './ui/app';

const root = document.querySelector('#app');
if (root !== null) render(<App />, root);
